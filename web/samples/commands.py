"""`adain-studio shelf add | list | check`: the operator's own style pictures."""

import os
import re
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Hang, list or check style pictures of your own.", no_args_is_help=True)

Text = Annotated[str, typer.Option()]


def _folder() -> Path:
    from worker.settings import settings

    if not settings().shelf:
        raise SystemExit("Set STUDIO_SHELF to a folder for the pictures first.")
    return Path(settings().shelf)


def _slug(text: str) -> str:
    return re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")[:40]


def _put(file: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    part = file.with_name(f".{file.name}.{os.getpid()}")
    part.write_bytes(data)
    part.replace(file)


@app.command()
def add(
    picture: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    title: Text,
    artist: Text,
    licence: Annotated[str, typer.Option(help="such as: public domain, CC BY 4.0")],
    year: Annotated[str, typer.Option(help="as visitors read it; left out: not known")] = "",
    name: Annotated[
        str, typer.Option(help="small letters, digits, hyphens; the file's if left out")
    ] = "",
) -> None:
    """Copy a picture to the shelf, with its credit; the web server shows it from its next start."""
    from pydantic import ValidationError

    from web.samples import collection, credits

    folder, called = _folder(), name or _slug(picture.stem)
    try:
        collection.check_name(called)
        data = collection.contents(picture)
        collection.clean(data)
        credit = credits.Credit(title=title, artist=artist, year=year, licence=licence)
    except ValidationError as error:
        raise SystemExit(f"The credit can't be used: wanted is {credits.WANTED}.") from error
    except collection.Unusable as error:
        raise SystemExit(f"{picture.name} can't be used: {error}.") from error
    folder.mkdir(parents=True, exist_ok=True)
    if any(file.stem == called for file in folder.iterdir()):
        raise SystemExit(f"There is a {called} on the shelf already.")
    _put(folder / f"{called}.json", (credit.model_dump_json(indent=2) + "\n").encode())
    _put(folder / f"{called}{picture.suffix.lower()}", data)
    print(f"Added {called} to {folder}. The web server shows it from its next start.")


@app.command("list")
def list_pictures() -> None:
    """List the pictures of the shelf with their credits."""
    from web.samples import collection

    for name, work in collection.read(_folder()).works.items():
        print(f"{name}: {work.credit.line}")


@app.command()
def check() -> None:
    """Say which pictures of the shelf can't be used, and why; fails if there are some."""
    from web.samples import collection

    found = collection.read(_folder())
    print(*found.problems, sep="\n", end="\n" if found.problems else "")
    if found.problems:
        raise SystemExit(f"{len(found.problems)} can't be used, {len(found.works)} can.")
    print(f"All {len(found.works)} pictures can be used.")
