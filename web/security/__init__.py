"""Security: identity and address of a request, sign-in, headers, CSRF, body limits."""
