"""Evaluation: how good the results of a network are, in figures."""
