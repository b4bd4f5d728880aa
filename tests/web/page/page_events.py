"""The page's events as a browser calls them, without one."""

import json
from collections.abc import Sequence
from typing import Any

import gradio as gr
from fastapi import FastAPI
from fastapi.testclient import TestClient
from gradio.block_function import BlockFunction

JSON = {"Content-Type": "application/json"}
SESSION = "abc"


def page_of(application: FastAPI) -> gr.Blocks:
    """Return the page that an application serves."""
    parts = [getattr(route, "app", None) for route in application.routes]
    [gradio] = [part for part in parts if hasattr(part, "get_blocks")]
    return gradio.get_blocks()  # type: ignore[no-any-return, union-attr]


def events_of(application: FastAPI) -> dict[str, BlockFunction]:
    """Return the events that run on the server, by their functions' names."""
    every = page_of(application).fns.values()
    return {getattr(event.fn, "__name__", ""): event for event in every if event.fn is not None}


def inputs_of(event: BlockFunction) -> list[Any]:
    """Return the components that are an event's inputs; Gradio's types know less of them."""
    return list(event.inputs)


def filled(event: BlockFunction, picture: str, *kinds: str) -> list[Any]:
    """Return an event's inputs as they are at first, with a picture in the fields of some kinds."""
    starts = tuple(f"value-{kind}" for kind in kinds)
    return [picture if part.elem_id.startswith(starts) else part.value for part in inputs_of(event)]


def call(
    client: TestClient, event: BlockFunction, data: Sequence[Any], **more: object
) -> tuple[int, str]:
    """Call an event; return the status, and the text of the answer or of what it ended with."""
    body = json.dumps({"data": data, "fn_index": event._id, "session_hash": SESSION} | more)
    answer = client.post("/gradio_api/run/predict", content=body, headers=JSON)
    return answer.status_code, answer.text


def refuses(event: BlockFunction, status: int, answer: str) -> bool:
    """Return whether an answer refuses: in a sentence, or by asking for no preview."""
    if status == 200 and getattr(event.fn, "__name__", "") == "preview":
        return bool(json.loads(answer)["data"] == [""])
    return status == 422 or "alert" in answer
