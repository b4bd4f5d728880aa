"""Colours of a film in a browser, after all that is done to it but for the painting."""

import base64
from pathlib import Path

import av
import numpy as np
import pytest
from playwright.sync_api import Browser

from adain.film import codecs, files, making
from tests.adain.film import clips
from tests.adain.film.test_cleaning import BARS, cleaned

WIDE, HIGH = 32, 96  # pixels of a bar
SHOWN = """async ([data, kind, width]) => {
  const video = document.createElement("video");
  video.src = URL.createObjectURL(new Blob([Uint8Array.from(atob(data), (one) => one.charCodeAt(0))], {type: kind}));
  await new Promise((done, fail) => { video.onseeked = done; video.onerror = fail; video.currentTime = 0.05; });
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0);
  const middles = [...Array(canvas.width / width).keys()].map((bar) => bar * width + width / 2);
  return middles.map((x) => [...context.getImageData(x, canvas.height / 2, 1, 1).data].slice(0, 3));
}"""  # noqa: E501


@pytest.mark.parametrize("name", ["h264", "vp9"])
def test_chromium_shows_colour_bars_as_they_were(
    browser: Browser, tmp_path: Path, name: str
) -> None:
    bars = np.repeat(np.array([BARS], np.uint8), WIDE, 1).repeat(HIGH, 0)
    film = clips.write(tmp_path / "film.mkv", [bars] * 5, codec="ffv1", pixels="bgr0")
    codec = codecs.CODECS[name]
    source, into = (tmp_path / f"{part}.{codec.container}" for part in ("clean", "out"))
    clean = cleaned(film, source)
    with files.opened(source, codec) as own:
        making.write(files.frames(own), clean, source, str(into), codec)
    with av.open(str(into)) as container:
        tag = container.streams.video[0].codec_context.codec_tag
    assert tag == ("avc1" if name == "h264" else "vp09" if into.suffix == ".mp4" else tag)
    page = browser.new_page()
    coded = base64.b64encode(into.read_bytes()).decode()
    shown = page.evaluate(SHOWN, [coded, f"video/{codec.container}", WIDE])
    page.close()
    assert len(shown) == len(BARS)
    assert np.abs(np.array(shown) - BARS).max() <= 12
