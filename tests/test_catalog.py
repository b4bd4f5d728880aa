"""A further network is a builder and an entry in the catalogue: everything else follows."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from adain.catalog import NETWORKS
from adain.model.builders import build
from adain.model.network import Network

ADDED = """
from adain import catalog
catalog.NETWORKS["third"] = catalog.NetworkEntry("adain.model.builders:compact", heavy=True)
"""
SEEN = """
import json, sys
from adain.cli import arguments
from adain.model.builders import build
from web.app import create
from web.language import texts
from web.page import form
from worker.errors import Refused
from worker.gallery.lists import Wanted
from worker.jobs.new_job import WorkingSize
from worker.options import Options
from worker.settings import settings

def refusal():
    try:
        Options.read({"network": "fourth"}, 1, 0)
    except Refused as error:
        return str(error)

def parts(page):
    [network] = [b for b in page.blocks.values() if getattr(b, "elem_id", "") == "network"]
    return [value for _, value in network.choices]

schemas = create().openapi()["components"]["schemas"]
print(json.dumps({
    "options": Options.read({"network": "third"}, 1, 0).network,
    "default": Options.read({}, 1, 0).network,
    "setting": settings().network,
    "refusal": refusal(),
    "page": parts(form.page()),
    "filter": Wanted.model_json_schema()["properties"]["network"]["anyOf"][0]["enum"],
    "openapi": schemas["Options"]["properties"]["network"]["enum"],
    "engine": arguments.parser().parse_args(["a", "b", "-o", "c", "--network", "third"]).network,
    "queue": WorkingSize(64, 64).queue("third"),
    "built": type(build("third")).__name__,
}))
"""


def run(code: str, folder: Path, *words: str) -> str:
    """Run a program in which the catalogue has a third network; return what it prints."""
    env = os.environ | {"STUDIO_NETWORK": "third", "STUDIO_HEAVY_PIXELS": "1000000"}
    env |= {"STUDIO_DATABASE_URL": f"sqlite:///{folder}/studio.db"}
    command = [sys.executable, "-c", ADDED + code, *words]
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout


def test_a_third_network_in_the_catalogue_is_offered_and_checked_everywhere(tmp_path: Path) -> None:
    names = [*NETWORKS, "third"]
    seen: dict[str, Any] = json.loads(run(SEEN, tmp_path).splitlines()[-1])
    assert seen == {
        "options": "third",
        "default": "third",
        "setting": "third",
        "refusal": f"network is one of {', '.join(names)}.",
        "page": names,
        "filter": names,
        "openapi": names,
        "engine": "third",
        "queue": "heavy",
        "built": "Network",
    }


@pytest.mark.parametrize("word", ["submit", "batch"])
def test_a_third_network_is_named_by_the_command_line(tmp_path: Path, word: str) -> None:
    said = run("from web.cli import main\nmain()", tmp_path, word, "--help")
    assert " or ".join([*NETWORKS, "third"]) in " ".join(said.split())


def test_a_third_network_reaches_the_pages_scripts(tmp_path: Path) -> None:
    code = """
from fastapi.testclient import TestClient
from web.app import create
print(TestClient(create()).get("/texts.js").text)
"""
    assert f"export const networks = {json.dumps([*NETWORKS, 'third'])};" in run(code, tmp_path)


MADE = """
from adain import catalog
catalog.METHODS["third"] = catalog.MethodEntry("a third way", "nowhere:make", heavy=True)
from adain.cli import arguments
from web.app import create
from web.language import texts
from web.page import labels
from worker.jobs.new_job import WorkingSize
from worker.options import Options
import json
schemas = create().openapi()["components"]["schemas"]
parsed = arguments.parser().parse_args(["a", "b", "-o", "c", "--method", "third"])
print(json.dumps([
    Options.read({"method": "third"}, 1, 0).method,
    schemas["Options"]["properties"]["method"]["enum"][-1],
    [value for _, value in labels.of("how")["choices"]][-1],
    texts.hows()[-1],
    parsed.method,
    WorkingSize(64, 64).queue("compact", "third"),
]))
"""


def test_a_third_method_in_the_catalogue_is_offered_and_checked_everywhere(tmp_path: Path) -> None:
    seen = json.loads(run(MADE, tmp_path).splitlines()[-1])
    assert seen == ["third", "third", "third", "third", "third", "heavy"]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_builder_builds(name: str) -> None:
    assert isinstance(build(name), Network)
