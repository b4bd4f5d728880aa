import argparse
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import peers

SAYS = """
import pathlib, sys
said, name, photos, style, out = sys.argv[1:]
with open(said, "a") as file:
    print(name, len(list(pathlib.Path(photos).iterdir())), pathlib.Path(style).exists(), file=file)
"""


def command(name: str, said: Path) -> str:
    words = [sys.executable, "-c", SAYS, str(said), name]
    return f"{shlex.join(words)} {{photos}} {{style}} {{out}}"


def test_ours_and_peers_take_turns_with_one_photo_and_with_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = tmp_path / "said"
    monkeypatch.setattr(peers, "OURS", command("ours", said))
    found = peers.measure({"theirs": command("theirs", said)}, size=64, count=2, rounds=2)
    assert set(found) == {"adain", "theirs"}
    turn = ["ours 1 True", "ours 3 True", "theirs 1 True", "theirs 3 True"]
    assert said.read_text().splitlines() == turn * 2


def test_a_peer_that_fails_is_no_fast_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "OURS", command("ours", tmp_path / "said"))
    with pytest.raises(subprocess.CalledProcessError):
        peers.measure({"broken": f"{sys.executable} -c 'raise SystemExit(1)'"}, 64, 1, 1)


@pytest.mark.parametrize("given", ["name", "=command", "name="])
def test_a_peer_has_a_name_and_a_command(given: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="wanted NAME=COMMAND"):
        peers._named(given)
