"""Our own results: `compact` as it ships, and what is measured of a picture."""

from functools import cache

import torch
from PIL import Image

from adain import methods
from adain.catalog import DEFAULT_METHOD, MOST_STEPS, Transfer
from adain.methods import Limits
from adain.paper import pictures
from adain.paper.settings import Settings
from adain.request import Request
from adain.stylizer import Stylizer
from adain.training import losses


@cache
def stylizer(device: str) -> Stylizer:
    """Load `compact`."""
    return Stylizer.load("compact", device=device)


def paint(
    settings: Settings,
    photo: Image.Image,
    style: Image.Image,
    transfer: Transfer = Transfer.COVARIANCE,
    method: str = DEFAULT_METHOD,
) -> Image.Image:
    """Paint a photo in a style at the size it has."""
    request = Request(photo, [style], size=0, transfer=transfer, method=method)
    limits = Limits(steps=settings.steps or MOST_STEPS)
    return methods.make(stylizer(settings.device), [request], limits=limits)[0]


@torch.no_grad()
def style_loss(settings: Settings, result: Image.Image, style: Image.Image) -> float:
    """Measure the distance of means and deviations, as docs/quality.md does."""
    seen = [settings.eye(pictures.unit(one, settings.device)) for one in (result, style)]
    return losses.style(*(settings.eye.style(one) for one in seen)).mean().item()


@torch.no_grad()
def content_loss(settings: Settings, result: Image.Image, photo: Image.Image) -> float:
    """Measure the distance of relu4_1 after instance normalisation."""
    seen = [settings.eye(pictures.unit(one, settings.device))[-1] for one in (result, photo)]
    return losses.content(*seen).item()


def colour_distance(result: Image.Image, other: Image.Image) -> float:
    """Measure the distance of mean and covariance of RGB."""
    return losses.colour(*(pictures.unit(one) for one in (result, other))).item()
