from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from web import app

LONG = ["a" * 300, "é" * 200, "a/" * 3000, "%61" * 300]
CONTROL = ["%00", "a%01", "%7f/a", "a%0d%0a"]


@pytest.mark.parametrize(
    "place", ["assets", "static", "page/live", "shelf/styles", "s", "gradio_api/heartbeat"]
)
def test_a_path_that_no_file_can_have_is_answered_with_404(studio: Path, place: str) -> None:
    """Gradio's routes let errors of files and addresses through, with tracebacks of 10 kB."""
    served = app.create()
    with TestClient(served) as client:
        for name in LONG + CONTROL:
            answer = client.get(f"/{place}/{name}")
            assert answer.status_code == 404
            assert answer.headers["content-type"] == "application/problem+json"
