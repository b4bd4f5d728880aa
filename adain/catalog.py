"""The names of all choices: networks, methods, colour modes and kinds of transfer.

Everything that offers or checks one reads it here: options, settings, command lines, page, gallery
and API. A further network is a function that builds it and an entry in `NETWORKS`, a further
method a function that makes a picture and an entry in `METHODS`. No torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
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


class Effort(StrEnum):
    """How long a method of steps goes on."""

    LITTLE = "little"
    MORE = "more"


@dataclass(frozen=True)
class MethodEntry:
    """What is known of a way to make a picture with a network, and what it can't do."""

    maker: str = ""  # "module:function", a `adain.methods.Maker`; "": the network alone
    steps: Mapping[Effort, int] = field(default_factory=dict)  # by effort; none: nothing to choose
    masks: bool = True  # whether it takes masks
    several: bool = True  # whether it takes several styles
    heavy: bool = False  # takes seconds: pixels are limited, jobs wait in the queue heavy, alone


METHODS = {
    "adain": MethodEntry(),
    "refine": MethodEntry(
        "adain.methods.refine:refine", {Effort.LITTLE: 10, Effort.MORE: 20}, heavy=True
    ),
}
DEFAULT_METHOD = "adain"
MOST_PIXELS = 1_600_000  # of a picture made by a heavy method, unless its caller says otherwise


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


def method(name: str) -> MethodEntry:
    """Return a method's entry; raises ValueError with the names there are."""
    if name not in METHODS:
        raise ValueError(f"unknown method {name!r}; there are: {', '.join(METHODS)}")
    return METHODS[name]
