"""The page's picture field: Gradio's image, with our own door instead of Gradio's.

Gradio would open what was uploaded before `worker.images` has looked at it, and would fetch
any address a client names instead of a file; neither happens here.
"""

from pathlib import Path

import gradio as gr
from gradio.data_classes import ImageData

from worker.refused import Refused


def _path(payload: ImageData | None) -> str | None:
    """Hand the uploaded file's path to the handler, unopened."""
    return None if payload is None else payload.path


async def _kept_here(path: str | None) -> str | None:
    """Return the path of a file that was uploaded or stands on the shelf; Gradio checked that."""
    if path is not None and not Path(path).is_file():
        raise Refused("This picture is no longer here. Please choose it again.")
    return path


def field(label: str, *, height: int, placeholder: str = "", elem_id: str = "") -> gr.Image:
    """Return an image field whose value in a handler is a path, or None."""
    image = gr.Image(
        label=label,
        height=height,
        placeholder=placeholder or None,
        elem_id=elem_id or None,
        type="filepath",
        image_mode=None,
        sources=["upload", "clipboard", "webcam"],
        buttons=[],
        alt_text=label,
    )
    # On the object, since Gradio writes a .pyi file beside every subclass.
    vars(image).update(preprocess=_path, async_move_resource_to_block_cache=_kept_here)
    return image
