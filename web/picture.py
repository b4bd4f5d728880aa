"""The page's picture field: Gradio's image, with our own door instead of Gradio's.

Gradio would open what was uploaded before `worker.images` has looked at it, and would fetch
any address a client names instead of a file; neither happens here.
"""

from pathlib import Path
from unittest import mock

import gradio as gr
from gradio import component_meta
from gradio.data_classes import ImageData

from web import labels
from worker.refused import Refused

with mock.patch.object(component_meta, "create_or_modify_pyi"):  # it writes a file beside this one

    class Picture(gr.Image):
        """An image whose value in a handler is a path, unopened, or None."""

        is_template = True  # drawn by Gradio as its parent is

        def preprocess(self, payload: ImageData | None) -> str | None:
            """Hand the uploaded file's path to the handler."""
            return None if payload is None else payload.path

        async def async_move_resource_to_block_cache(
            self, url_or_file_path: str | Path | None
        ) -> str | None:
            """Take a file, which Gradio has seen to be an upload or on the shelf; no address."""
            if url_or_file_path is None or Path(url_or_file_path).is_file():
                return None if url_or_file_path is None else str(url_or_file_path)
            raise Refused("This picture is no longer here. Please choose it again.")


def field(elem_id: str, *, height: int) -> Picture:
    """Return a field to drop, paste, choose or take a picture."""
    return Picture(
        height=height,
        elem_id=elem_id,
        type="filepath",
        image_mode=None,
        sources=["upload", "clipboard", "webcam"],
        buttons=[],
        **labels.of(elem_id),
    )
