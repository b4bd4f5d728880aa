"""The names of all choices: networks, colour modes and kinds of transfer.

Everything that offers or checks one reads it here: options, settings, command lines, page, gallery
and API. A further network is a function that builds it and an entry in `NETWORKS`. No torch.
"""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class NetworkEntry:
    """What is known of a network without building it."""

    builder: str  # "module:function" that returns it untrained; a `adain.model.network.Network`
    heavy: bool = False  # slow at any size: its jobs wait in the queue heavy
    halves: bool = False  # published as two files, encoder and decoder
    fixed_encoder: bool = False  # its encoder is the loss network, which training leaves as it is


NETWORKS = {
    "compact": NetworkEntry("adain.model.builders:compact"),
    "vgg19": NetworkEntry(
        "adain.model.builders:vgg19", heavy=True, halves=True, fixed_encoder=True
    ),
}
DEFAULT_NETWORK = "compact"


class Color(StrEnum):
    """Whose colours the result has."""

    STYLE = "style"
    CONTENT = "content"
    LUMINANCE = "luminance"  # the content's, with the luminance of what was painted


class Region(StrEnum):
    """Where a single style acts in a photo whose mask is white on its subject."""

    ALL = "all"  # as its mask says, if it has one
    SUBJECT = "subject"
    BACKGROUND = "background"


class Transparency(StrEnum):
    """What becomes of a photo's transparent parts."""

    FLATTEN = "flatten"  # a plain ground shows through them, and is painted as well
    KEEP = "keep"  # they stay, and weigh nothing in what is measured


class Transfer(StrEnum):
    """What of a style's features the content's get."""

    ADAIN = "adain"  # mean and standard deviation of each channel at every level: the paper's
    COVARIANCE = "covariance"  # at the levels after the first: mean and covariance

    def full(self, level: int) -> bool:
        """Tell whether covariances are transferred at a level."""
        return self == Transfer.COVARIANCE and level > 0


def network(name: str) -> NetworkEntry:
    """Return a network's entry; raises ValueError with the names there are."""
    if name not in NETWORKS:
        raise ValueError(f"unknown network {name!r}; there are: {', '.join(NETWORKS)}")
    return NETWORKS[name]
