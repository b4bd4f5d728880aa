"""Observability: logs, metrics and failpoints."""
