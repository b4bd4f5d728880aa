"""Webhooks: deliveries, and HTTP to addresses that visitors name."""
