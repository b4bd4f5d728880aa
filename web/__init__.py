"""The web server: page, API, admin page; and the command line."""
