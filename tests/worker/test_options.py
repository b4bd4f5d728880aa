import json
import re
import typing
from collections.abc import Collection, Iterator

import pytest

from adain import request
from adain.catalog import (
    LOSSES,
    METHODS,
    NETWORKS,
    Color,
    Effort,
    Region,
    Start,
    Transfer,
    Transparency,
)
from tests.parts import Setting
from worker import fit as worker_fit
from worker import options
from worker.errors import Refused
from worker.options import BatchOptions, Options


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("color", Color),
        ("network", NETWORKS),
        ("transfer", Transfer),
        ("region", Region),
        ("method", METHODS),
        ("effort", Effort),
        ("loss", LOSSES),
        ("start", Start),
        ("transparency", Transparency),
    ],
)
def test_every_choice_of_the_catalogue_is_taken(name: str, known: Collection[str]) -> None:
    taking = [method for method, entry in METHODS.items() if name in entry.takes]
    how = {"method": taking[0]} if taking else {}
    for one in known:
        assert getattr(Options.read(how | {name: one}, styles=1, masks=0), name) == one
    assert Options.model_json_schema()["properties"][name]["enum"] == [*known]


def test_empty_options_are_the_defaults(setting: Setting) -> None:
    setting(network="vgg19")
    usual = Options.read({}, styles=1, masks=0)
    assert usual.model_dump() == {
        "alpha": 1.0,
        "weights": [],
        "color": "style",
        "size": 512,
        "network": "vgg19",
        "transfer": "covariance",
        "fit": "",
        "keep_margins": False,
        "crop": [],
        "style_crops": [],
        "region": "all",
        "transparency": "flatten",
        "strokes": 1.0,
        "method": "adain",
        "effort": "more",
        "loss": "gram",
        "start": "photo",
        "teach": "",
        "steps": 0,
        "taught": "",
        "steady": 0.6,
        "weights_end": [],
        "moving": False,
    }


def test_options_stored_before_there_was_a_choice_of_transfer_mean_adain() -> None:
    assert options.recorded({"alpha": 1.0})["transfer"] == "adain"
    assert options.recorded({"transfer": "covariance"})["transfer"] == "covariance"


def test_options_stored_before_there_was_a_choice_of_strokes_keep_their_look() -> None:
    assert options.recorded({"alpha": 1.0})["strokes"] == 0
    assert options.recorded({"strokes": 2.0})["strokes"] == 2
    ours = (options.FINEST, options.BROADEST, options.USUAL)
    assert ours == (request.FINEST, request.BROADEST, request.USUAL)


@pytest.mark.parametrize(
    ("fit", "photo", "side"),
    [
        ("a4", (6000, 4000), 2339),  # 3508 × 2339: whole on the sheet
        ("a4", (4000, 6000), 2339),
        ("a3", (4961, 3508), 3508),
        ("10x15", (400, 300), 1181),
        ("largest", (6000, 4000), 3464),  # of 18 megapixels
        ("largest", (3000, 2000), 2000),
        ("largest", (30, 20), 0),
        ("10x15", (4000, 40), 64),
    ],
)
def test_a_fit_gives_the_shorter_side_in_pixels(
    fit: str, photo: tuple[int, int], side: int
) -> None:
    assert worker_fit.side(fit, *photo) == side


def test_fits_are_the_sheets_and_the_largest() -> None:
    assert ("", *options.FITS) == typing.get_args(Options.model_fields["fit"].annotation)
    with pytest.raises(Refused, match="fit is one of 10x15, a4, a3, largest, in place of size"):
        Options.read({"fit": "a5"}, styles=1, masks=0)


def test_options_stored_before_there_were_regions_paint_all() -> None:
    assert options.recorded({"alpha": 1.0})["region"] == "all"


def test_options_stored_before_there_was_a_choice_of_margins_kept_them() -> None:
    assert options.recorded({"alpha": 1.0})["keep_margins"]
    assert not options.recorded({"keep_margins": False})["keep_margins"]


def test_crops_of_a_batch_are_one_for_all_or_one_for_each_picture() -> None:
    left, right, top = [0, 0, 0.5, 1], [0.5, 0, 1, 1], [0, 0, 1, 0.5]
    for given, expected in (
        ({}, ([[], []], [[], [], []])),
        ({"crop": left, "style_crops": [top]}, ([left, left], [top, top, top])),
        (
            {"crops": [left, right], "style_crops": [[], top, []]},
            ([left, right], [[], top, []]),
        ),
    ):
        assert BatchOptions.read_all(given, 2, 3).crops_of(2, 3) == expected
    for refused, sentence in (
        ({"crops": [left]}, "1 crops do not fit 2 photos: one for each, or none."),
        ({"style_crops": [top, top]}, "2 style_crops do not fit 3 style pictures: one for each"),
        ({"crops": [left, [0, 0, 2, 1]]}, "crops of a batch has one [left, top, right, bottom]"),
        ({"weights": [1, 1]}, "2 weights do not fit 1 style pictures."),
        ({"seed": 1}, "There is no option 'seed'; there are alpha"),
    ):
        with pytest.raises(Refused, match=re.escape(sentence)):
            BatchOptions.read_all(refused, 2, 3)
    with pytest.raises(Refused, match="There is no option 'crops'"):
        Options.read({"crops": [[]]}, 1, 0)


def test_crops_are_of_the_photo_and_of_each_style() -> None:
    crops = {"crop": [0, 0.1, 0.5, 1], "style_crops": [[], [0.2, 0.2, 0.8, 0.8]]}
    chosen = Options.read(crops, styles=2, masks=0)
    assert (chosen.crop, chosen.style_crops) == (crops["crop"], crops["style_crops"])


@pytest.mark.parametrize(("styles", "masks"), [(2, 2), (2, 0), (2, 1)])
def test_a_region_is_of_one_style(styles: int, masks: int) -> None:
    for fits in (0, 1):
        assert Options.read({"region": "subject"}, styles=1, masks=fits).region == "subject"
    with pytest.raises(Refused, match="needs one style picture and one mask at most"):
        Options.read({"region": "background"}, styles=styles, masks=masks)


@pytest.mark.parametrize("strokes", [0, 0.5, 1, 4.0])
def test_strokes_in_range_are_taken(strokes: float) -> None:
    assert Options.read({"strokes": strokes}, styles=1, masks=0).strokes == strokes


@pytest.mark.parametrize("size", [0, 64, 4242])
def test_every_size_in_range_is_taken(size: int) -> None:
    assert Options.read({"size": size}, styles=1, masks=0).size == size


WEIGHTS = "weights are finite numbers from 0 up, one for each style."
ALPHA = "alpha is a number from 0 to 1."
SIZE = "size is 0 (as it is) or 64 to 4242 pixels of the shorter side."
STROKES = "strokes is a number from 0.5 (fine) to 4 (broad), or 0."
NO_CROPS: list[object] = [
    [0, 0, 1], [0, 0, 0, 1], [0, 1, 1, 0.5], [-0.1, 0, 1, 1], [0, 0, 1, 1.01],
    [0, 0, float("nan"), 1], "0,0,1,1",
]  # fmt: skip
CROP = (
    "crop is [left, top, right, bottom], each a share from 0 to 1 of the upright photo, "
    "left less than right and top less than bottom, or []."
)
STYLE_CROPS = (
    "style_crops has one [left, top, right, bottom] for each style, shares from 0 to 1 as in crop, "
    "or [] for a whole one."
)
LOOKS = "alpha, weights, color, size, fit, network, transfer"
PARTS = "region, keep_margins, crop, style_crops, transparency, strokes"
FILMS = "steady, weights_end, moving"
NAMES = f"{LOOKS}, {PARTS}, method, effort, loss, start, teach, steps, taught, {FILMS}"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"alpha": -0.1}, ALPHA),
        ({"alpha": 1.1}, ALPHA),
        ({"alpha": float("nan")}, ALPHA),
        ({"alpha": "much"}, ALPHA),
        ({"alpha": None}, ALPHA),
        ({"weights": [1, -1]}, WEIGHTS),
        ({"weights": [1, float("inf")]}, WEIGHTS),
        ({"weights": [1, float("nan")]}, WEIGHTS),
        ({"weights": 3}, WEIGHTS),
        ({"weights": [0, 0]}, "At least one weight must be greater than 0, and their sum finite."),
        (
            {"weights": [1e308, 1e308]},
            "At least one weight must be greater than 0, and their sum finite.",
        ),
        ({"weights": [1]}, "1 weights do not fit 2 style pictures."),
        ({"color": "green"}, "color is one of style, content, luminance."),
        ({"network": "resnet"}, "network is one of compact, vgg19."),
        ({"transfer": "swap"}, "transfer is one of adain, covariance."),
        ({"strokes": 0.4}, STROKES),
        ({"strokes": 4.1}, STROKES),
        ({"strokes": -1}, STROKES),
        ({"strokes": float("nan")}, STROKES),
        ({"size": 63}, SIZE),
        ({"size": 4243}, SIZE),
        ({"size": -1}, SIZE),
        ({"size": 512.5}, SIZE),
        ({"keep_margins": "perhaps"}, "keep_margins is true or false."),
        *(({"crop": crop}, CROP) for crop in NO_CROPS),
        *(({"style_crops": [[], crop]}, STYLE_CROPS) for crop in NO_CROPS),
        (
            {"style_crops": [[0, 0, 1, 1]]},
            "1 style_crops do not fit 2 style pictures: one for each, or none; "
            "in a batch also one for all.",
        ),
        ({"seed": 1}, f"There is no option 'seed'; there are {NAMES}."),
        ([1, 2], f"The options are a JSON object with any of {NAMES}."),
        ("alpha", f"The options are a JSON object with any of {NAMES}."),
    ],
)
def test_an_unknown_choice_is_refused_with_the_accepted_ones(given: object, sentence: str) -> None:
    with pytest.raises(Refused) as refusal:
        Options.read(given, styles=2, masks=0)
    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    ("styles", "masks", "sentence"),
    [
        (0, 0, "A job takes one to 4 style pictures; 0 were given."),
        (5, 0, "A job takes one to 4 style pictures; 5 were given."),
        (
            3,
            1,
            "1 masks do not fit 3 style pictures: one for each, or none, or one for two styles.",
        ),
        (
            1,
            2,
            "2 masks do not fit 1 style pictures: one for each, or none, or one for two styles.",
        ),
    ],
)
def test_numbers_of_pictures_that_do_not_fit_are_refused(
    styles: int, masks: int, sentence: str
) -> None:
    with pytest.raises(Refused) as refusal:
        Options.read({}, styles=styles, masks=masks)
    assert str(refusal.value) == sentence


@pytest.mark.parametrize("kind", [Options, BatchOptions])
def test_every_list_of_options_has_a_longest_length(kind: type[Options]) -> None:
    """Each item runs code of ours: a list without an end would hold up all visitors."""

    def unbounded(schema: object) -> Iterator[object]:
        if isinstance(schema, dict):
            if schema.get("type") == "array" and "maxItems" not in schema:
                yield schema
            schema = list(schema.values())
        if isinstance(schema, list):
            for one in schema:
                yield from unbounded(one)

    assert list(unbounded(kind.model_json_schema())) == []
    assert "array" in json.dumps(kind.model_json_schema())
