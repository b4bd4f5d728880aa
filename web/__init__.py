"""What a visitor sees: the page, the API, the command line."""
