"""Maintenance: the sweep with its lease, back-up and restore."""
