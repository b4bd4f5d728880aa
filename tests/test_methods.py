"""A method is named in the catalogue alone; here stands where it has to appear by itself."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from adain import catalog
from adain.catalog import METHODS, Color, Control, MethodEntry, Start, Transfer, Transparency
from adain.cli import arguments
from adain.request import Request, Style
from web import cli
from web.api import submission
from web.language import texts
from web.page import labels
from worker.errors import Refused, english
from worker.options import Options

ROOT = Path(__file__).parents[1]
PICTURE = Image.new("RGB", (8, 8))
OTHERS: dict[Control, dict[str, Any]] = {  # what asks for a control, of a request and of a job
    Control.STRENGTH: {"alpha": 0.5},
    Control.COLOR: {"color": Color.LUMINANCE},
    Control.TRANSPARENCY: {"transparency": Transparency.KEEP},
    Control.STROKES: {"strokes": 2.0},
    Control.TRANSFER: {"transfer": Transfer.ADAIN},
    Control.LOSS: {"loss": "sliced"},
    Control.START: {"start": Start.NOISE},
}


def plain(text: str) -> str:
    """Return the words of a text, whatever its lines and marks."""
    return " ".join(re.sub(r"[^\w.,;:-]+", " ", text).split())


@cache
def helps() -> dict[str, str]:
    """Return what each command line says of itself."""
    own = CliRunner(env={"COLUMNS": "1000"})
    words = {word: own.invoke(cli.app, [word, "--help"]).output for word in ("submit", "batch")}
    return {name: plain(text) for name, text in words.items()} | {
        "python -m adain": plain(arguments.parser().format_help().replace("%%", "%"))
    }


def row(name: str) -> str:
    """Return a method's line in docs/options.md."""
    known = METHODS[name]
    steps = ", ".join(f"{count} ({effort})" for effort, count in known.steps.items())
    lacks = ", ".join(control for control in Control if control not in known.takes)
    return f"| `{name}` | {known.about} | {steps} | {lacks} |"


@pytest.mark.parametrize("name", METHODS)
def test_every_command_line_and_the_api_say_what_a_method_does(name: str) -> None:
    said = plain(f"{name}: {METHODS[name].about}")
    for where, text in helps().items():
        assert said in text, where
    assert said in plain(json.dumps(submission.DESCRIPTION, ensure_ascii=False))
    assert name in Options.model_json_schema()["properties"]["method"]["enum"]


@pytest.mark.parametrize("name", METHODS)
def test_the_documents_say_what_a_method_does_and_what_it_lacks(name: str) -> None:
    assert row(name) in (ROOT / "docs" / "options.md").read_text("utf-8")


@pytest.mark.parametrize("language", texts.LANGUAGES)
@pytest.mark.parametrize("name", METHODS)
def test_the_page_has_words_for_a_method(name: str, language: str) -> None:
    words = texts.words(language)
    choices = [one for one in texts.hows() if one.partition("-")[0] == name]
    wanted = {f"how.{one}" for one in choices} | {f"how.{name}.info"}
    if METHODS[name].maker:
        wanted |= {f"stage.{name}", f"timing.{name}"}
    assert wanted - words.keys() == set()
    assert {*choices} <= {value for _, value in labels.of("how", language)["choices"]}


def test_no_words_are_left_of_a_method_that_is_gone() -> None:
    for language in texts.LANGUAGES:
        named = {key.split(".")[1] for key in texts.words(language) if key.startswith("how.")}
        assert {name.partition("-")[0] for name in named} == {*METHODS}


@pytest.mark.parametrize("name", METHODS)
def test_a_method_has_a_maker_and_a_name_that_a_choice_can_hold(name: str) -> None:
    module, _, function = METHODS[name].maker.partition(":")
    assert not module or callable(getattr(import_module(module), function))
    assert re.fullmatch("[a-z]+", name)  # with an effort: refine-little; as a place to be killed at


# ---------------------------------------------------------------- what one can't do


def _asks(name: str, control: Control) -> dict[str, Callable[[], object]]:
    """Return what asks a method for a control, as a request and as a job's options."""
    other = OTHERS.get(control, {})
    styles, masks = (2 if control == Control.STYLES else 1), int(control == Control.MASKS)
    plain = Request(PICTURE, [PICTURE] * styles, method="adain")
    given = {"method": name} | {key: getattr(value, "value", value) for key, value in other.items()}
    return {
        "request": lambda: replace(plain, method=name, masks=[PICTURE] * masks, **other),
        "job": lambda: Options.read(given, styles, masks),
    }


@pytest.mark.parametrize("control", Control)
@pytest.mark.parametrize("name", METHODS)
def test_what_a_method_lacks_is_refused_before_it_runs(name: str, control: Control) -> None:
    asks = _asks(name, control)
    if control in METHODS[name].takes:
        assert all(ask() for ask in asks.values())
        return
    with pytest.raises(ValueError, match=rf"^The method {name} [\w', ]+\.$"):
        asks["request"]()
    with pytest.raises(Refused, match=rf"^The method {name} ") as refused:
        asks["job"]()
    assert refused.value.message.code == f"method.{control}"


def test_every_control_has_a_sentence_and_a_method_that_lacks_it_all_is_refused_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(METHODS, "third", MethodEntry("a third way", "nowhere:make"))
    for control in Control:
        assert f"method.{control}" in english()
        for ask in _asks("third", control).values():
            with pytest.raises((ValueError, Refused), match=r"^The method third "):
                ask()
    assert Options.read({"method": "third"}, 1, 0).method == "third"
    with pytest.raises(Refused, match=r"^The method third takes no masks and no region"):
        Options.read({"method": "third", "region": "subject"}, 1, 0)
    with pytest.raises(ValueError, match=r"needs style pictures, not their Styles\.$"):
        Request(PICTURE, [Style("", ())], method="third")


def test_what_is_not_there_is_named_with_what_there_is() -> None:
    with pytest.raises(ValueError, match=f"there are: {', '.join(METHODS)}$"):
        Request(PICTURE, [PICTURE], method="fourth")
    with pytest.raises(ValueError, match=rf"^The loss is one of {', '.join(catalog.LOSSES)}\.$"):
        Request(PICTURE, [PICTURE], method="refine", loss="mrf")
    with pytest.raises(Refused, match=rf"^loss is one of {', '.join(catalog.LOSSES)}\.$"):
        Options.read({"method": "refine", "loss": "mrf"}, 1, 0)
    with pytest.raises(Refused, match=r"^start is one of photo, noise\.$"):
        Options.read({"method": "gatys", "start": "style"}, 1, 0)
