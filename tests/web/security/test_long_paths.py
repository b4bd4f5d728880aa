from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from web import app

LONG = ["a" * 300, "é" * 200, "a/" * 3000, "%61" * 300]


@pytest.mark.parametrize("place", ["assets", "static", "page/live", "shelf/styles", "s"])
def test_a_path_that_no_file_can_have_is_answered_with_404(studio: Path, place: str) -> None:
    """Gradio's routes let the file system's error through, with a traceback of 10 kB."""
    served = app.create()
    with TestClient(served) as client:
        for name in LONG:
            answer = client.get(f"/{place}/{name}")
            assert answer.status_code == 404
            assert answer.headers["content-type"] == "application/problem+json"
