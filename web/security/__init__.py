"""Security: who asks and from where, sign-in, headers, CSRF, body limits."""
