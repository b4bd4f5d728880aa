"""The error whose message is shown to the visitor."""


class Refused(Exception):
    """A request that is refused; the message is a sentence for the visitor."""
