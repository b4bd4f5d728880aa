"""Notices: what the owner of a job should know of its pictures, though they were accepted."""

from worker.errors import Message
from worker.images.answers import CUT, FAINT, TRIMMED
from worker.images.images import CleanFile


def of(what: Message, picture: CleanFile) -> list[Message]:
    """Return what was done to a picture, or is missing of it."""
    found = []
    width, height = picture.sent
    wide, high = picture.width, picture.height
    if CUT in picture.notes:
        found.append(Message("notice.cut", what=what))
    if FAINT in picture.notes:
        found.append(Message("notice.faint", what=what))
    if TRIMMED in picture.notes:
        found.append(Message("notice.trimmed", what=what))
    elif width and (wide, high) != (width, height):
        reduced = Message(
            "notice.reduced", what=what, width=width, height=height, wide=wide, high=high
        )
        found.append(reduced)
    return found
