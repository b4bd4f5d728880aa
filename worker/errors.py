"""The one way to say no to a visitor."""


class Refused(Exception):
    """Something asked for that is not done; the message is a sentence for whoever asked."""
