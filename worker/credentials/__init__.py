"""Credentials: API keys and signed-in identities."""
