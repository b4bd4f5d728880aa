"""The names of all choices: networks, methods, colour modes and kinds of transfer.

Everything that offers or checks one reads it here: options, settings, command lines, page, gallery
and API. A further network is a function that builds it and an entry in `NETWORKS`, a further
method a function that makes a picture, an entry in `METHODS` and the texts that
`tests/test_methods.py` asks for. No torch.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


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


MOST_PAINTINGS = 8  # that one style is taught from


class TaughtKind(StrEnum):
    """What a style is taught as (`adain.teaching`)."""

    FEEDFORWARD = "feedforward"  # a network of that one style
    CONDITIONAL = "conditional"  # scales and shifts in a network that stays as it is


LESSON_STEPS = {  # usually; of a painting, if conditional
    TaughtKind.FEEDFORWARD: 150,
    TaughtKind.CONDITIONAL: 60,
}


def lesson_steps(kind: TaughtKind, steps: int, paintings: int) -> int:
    """Return in how many steps a style is taught; 0 asked for: as many as are usual."""
    return steps or LESSON_STEPS[kind] * (paintings if kind == TaughtKind.CONDITIONAL else 1)


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


class Start(StrEnum):
    """What an optimisation starts from."""

    PHOTO = "photo"
    NOISE = "noise"


LOSSES = ("gram", "mean_deviation", "coral", "mmd_rbf", "histogram", "sliced")  # `adain.losses`'
DEFAULT_LOSS = "gram"


class Control(StrEnum):
    """What may be asked for beyond one photo in one style, and not every method takes."""

    MASKS = "masks"  # and regions
    STYLES = "styles"  # several, with their weights
    STRENGTH = "strength"  # alpha below 1
    COLOR = "color"  # other colours than the style's
    TRANSPARENCY = "transparency"  # transparent parts of the photo that stay
    STROKES = "strokes"  # of another width than the usual
    TRANSFER = "transfer"  # plain AdaIN in place of covariances
    LOSS = "loss"  # another style loss than Gram matrices
    START = "start"  # from noise


class Choices(Protocol):
    """A request's or a job's choices, as far as methods differ in what they take."""

    @property
    def alpha(self) -> float: ...
    @property
    def color(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def transparency(self) -> str: ...
    @property
    def strokes(self) -> float: ...
    @property
    def transfer(self) -> str: ...
    @property
    def loss(self) -> str: ...
    @property
    def start(self) -> str: ...


def asked(choices: Choices, styles: int, masks: int) -> list[Control]:
    """Return the controls that choices for so many styles and masks use."""
    used = {
        Control.MASKS: masks > 0 or choices.region != Region.ALL,
        Control.STYLES: styles > 1,
        Control.STRENGTH: choices.alpha < 1,
        Control.COLOR: choices.color != Color.STYLE,
        Control.TRANSPARENCY: choices.transparency != Transparency.FLATTEN,
        Control.STROKES: choices.strokes not in {0, 1},
        Control.TRANSFER: choices.transfer != Transfer.COVARIANCE,
        Control.LOSS: choices.loss != DEFAULT_LOSS,
        Control.START: choices.start != Start.PHOTO,
    }
    return [control for control, is_used in used.items() if is_used]


@dataclass(frozen=True)
class MethodEntry:
    """What is known of a way to make a picture: all that offers or checks it reads it here."""

    about: str  # what it does, in words that fit in a command line's help, API and documents
    maker: str = ""  # "module:function", a `adain.methods.Maker`; "": the network alone
    takes: Collection[Control] = ()  # beyond one photo in one style; all else is refused
    steps: Mapping[Effort, int] = field(default_factory=dict)  # by effort; none: nothing to choose
    heavy: bool = False  # takes seconds: pixels are limited, jobs wait in the queue heavy, alone

    def counts(self, effort: str) -> int:
        """Return how many jobs by the network alone one job counts as where jobs are limited."""
        steps = self.steps.get(Effort(effort), 0)
        return 1 + max(self.heavy, steps // STEPS_OF_A_JOB)


STEPS_OF_A_JOB = 10  # steps of a method or lesson that count as one job by the network alone
_USUAL = frozenset(Control) - {Control.LOSS, Control.START}  # what the network itself can do
METHODS = {
    "adain": MethodEntry("the network alone, in one pass", takes=_USUAL),
    "refine": MethodEntry(
        "what the network painted, then steps of L-BFGS on the picture itself: bolder contours, "
        "cleaner areas",
        "adain.methods.refine:refine",
        _USUAL | {Control.LOSS},
        {Effort.LITTLE: 12, Effort.MORE: 30},
        heavy=True,
    ),
    "gatys": MethodEntry(
        "optimisation from the photo or from noise, as in Gatys et al.; in the small loss network "
        "that ships it does worse than refine, and with network vgg19 it uses that one",
        "adain.methods.gatys:gatys",
        frozenset(Control) - {Control.TRANSFER},
        {Effort.LITTLE: 60, Effort.MORE: 150},
        heavy=True,
    ),
    "swap": MethodEntry(
        "the style's own patches in place of its statistics, as in Chen and Schmidt: good for "
        "textures, wrong for sparse styles",
        "adain.methods.swap:swap",
        _USUAL,
        heavy=True,
    ),
}
DEFAULT_METHOD = "adain"
MOST_PIXELS = 1_600_000  # of a picture made by a heavy method, unless its caller says otherwise
MOST_STEPS = 500  # of a method of steps, likewise


def described() -> str:
    """Say what each method does."""
    return "; ".join(f"{name}: {known.about}" for name, known in METHODS.items())


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


def lacking(name: str, choices: Choices, styles: int, masks: int) -> list[Control]:
    """Return the controls that choices use and a method does not take."""
    takes = method(name).takes
    return [control for control in asked(choices, styles, masks) if control not in takes]
