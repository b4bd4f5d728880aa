"""Answers of a compromised decoder: what we would not have written is refused."""

import io
import json
import sys
from collections.abc import Iterator
from queue import LifoQueue

import pytest
from PIL import Image

from tests.parts import picture
from worker.images import answers, decoders, images
from worker.images.decoder import encode
from worker.images.images import ImageRejected
from worker.settings import MIB

BEGINNING = """
import json, sys, time
print(json.dumps({'confined': 'seccomp'}), flush=True)
question = json.loads(sys.stdin.buffer.readline())
data = sys.stdin.buffer.read(question['length'])
def answer(made=b'', **told):
    sys.stdout.buffer.write(json.dumps({'length': len(made)} | told).encode() + b'\\n' + made)
    sys.stdout.flush()
    time.sleep(600)
"""
ANSWERS = {
    "a line without an end": "[sys.stdout.buffer.write(bytes(1 << 20)) for _ in range(1500)]",
    "a length without an end": "answer(length=1 << 40, suffix='png', width=1, height=1)",
    "a negative length": "answer(length=-1, suffix='png', width=1, height=1)",
    "no length": "answer(length=None, suffix='png', width=1, height=1)",
    "what was sent, as a PNG": "answer(data, suffix='png', width=8, height=8)",
    "what was sent, as a JPEG": "answer(data, suffix='jpg', width=8, height=8)",
    "another kind": "answer(data, suffix='webp', width=8, height=8)",
    "a path": "answer(data, suffix='/../x', width=8, height=8)",
    "a list": "sys.stdout.write('[]\\n'); sys.stdout.flush(); time.sleep(600)",
    "deep": "sys.stdout.write('[' * 4000 + '\\n'); sys.stdout.flush(); time.sleep(600)",
    "too many pixels": "answer(data, suffix='png', width=10**6, height=10**6)",
    "no size": "answer(data, suffix='png')",
    "a refusal that is no text": "answer(refused={})",
    "a refusal of no code": "answer(refused={'code': 'x', 'params': {}})",
    "a refusal with other gaps": "answer(refused={'code': 'picture.damaged', 'params': {}})",
    "a refusal of something else": "answer(refused={'code': 'admin.wrong_secret', 'params': {}})",
    "no time": "answer(refused={'code': 'mask.black', 'params': {}}, seconds=-1)",
}


def webp() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(out, "WEBP")
    return out.getvalue()


@pytest.fixture
def seat(monkeypatch: pytest.MonkeyPatch) -> Iterator[decoders._Seat]:
    """The only seat there is, without a decoder yet."""
    made = decoders._Seat()
    seats: LifoQueue[decoders._Seat] = LifoQueue()
    seats.put(made)
    monkeypatch.setattr(decoders, "seats", seats)
    yield made
    if made._process is not None:
        made._process.kill()
        made._end()


@pytest.mark.parametrize("what", ANSWERS)
def test_an_answer_that_no_decoder_of_ours_gives_is_refused_and_ends_the_decoder(
    what: str, seat: decoders._Seat, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-P", "-c", BEGINNING + ANSWERS[what]]
    with monkeypatch.context() as taken_over:
        taken_over.setattr(decoders, "COMMAND", command)
        with pytest.raises(ImageRejected):
            images.clean(webp())
    assert seat._process is None
    assert images.clean(picture()).suffix == "png"


@pytest.mark.parametrize("suffix", ["png", "jpg"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_what_we_write_is_known_by_its_first_bytes(suffix: str, mode: str) -> None:
    made = encode(Image.new(mode, (300, 70)), suffix)
    fields = {"suffix": suffix, "width": 300, "height": 70, "length": len(made)}
    asked = io.BytesIO(json.dumps(fields).encode() + b"\n" + made)
    into = io.BytesIO()
    answers.read("clean", 300 * 70, asked, into)
    assert into.getvalue() == made
    for wrong in ({"width": 299}, {"height": 71}):
        asked = io.BytesIO(json.dumps(fields | wrong).encode() + b"\n" + made)
        with pytest.raises(answers.NotOurs):
            answers.read("clean", MIB, asked, io.BytesIO())


def test_an_answer_with_a_progressive_jpeg_is_refused() -> None:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG", progressive=True)
    with pytest.raises(answers.NotOurs):
        answers._jpeg_size(out.getvalue())


def test_an_answer_that_breaks_off_is_an_end() -> None:
    for came in (b"", b'{"length": 9, "suffix": "txt", "width": 1, "height": 1}\nabc'):
        with pytest.raises(EOFError):
            answers.read("note", 1, io.BytesIO(came), io.BytesIO())
