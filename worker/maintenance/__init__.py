"""Maintenance: the sweep, the election of its leader, back-up and restore."""
