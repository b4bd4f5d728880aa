"""docs/client.md: every program in it runs against a studio and does what it says."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from tests.parts import picture
from tests.web.served import finish, served
from worker import jobs

DOCS = Path(__file__).parents[2] / "docs" / "client.md"
PROGRAMS = dict(
    re.findall(r"^## ([^\n]+)\n.*?```python\n(.*?)```", DOCS.read_text(), re.MULTILINE | re.DOTALL)
)


@contextmanager
def worked() -> Iterator[None]:
    """Have all jobs that come ended, with a picture."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.05):
            while job := jobs.claim("a worker"):
                finish(job)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_the_programs_are_found() -> None:
    assert len(PROGRAMS) == DOCS.read_text().count("```python") == 5


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_of_the_documentation_runs(
    studio: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for color, file in (("teal", "photo"), ("black", "ink"), ("navy", "sea")):
        Path(f"{file}.jpg").write_bytes(picture(64, 48, "JPEG", color=color))
    with served() as address, worked():
        exec(compile(PROGRAMS[name], name, "exec"), {"URL": address})
    said = capsys.readouterr().out
    if name == "One picture":
        assert "done 0 100%" in said
        with Image.open("painted.png") as made:
            assert made.format == "PNG"
    elif name == "What goes wrong":
        assert said == "alpha is a number from 0 to 1. 422 options.alpha\n"
    elif "folder" in name:
        assert "100%" in said
        assert len(list(tmp_path.glob("*.zip"))) == 1
    else:
        assert said.split()[0].isdigit()
