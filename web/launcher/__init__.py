"""Launcher: `adain-studio up` and the processes it supervises."""
