"""Visitors: admission, rate limits, quota, blocks, accounts, uploads, previews."""
