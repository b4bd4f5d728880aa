"""`adain-studio submit | batch | teach | taught | watch | list | get | cancel`: jobs, by command.

Arguments and output only; `web/client/` does the work.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adain.catalog import (
    DEFAULT_LOSS,
    DEFAULT_METHOD,
    LOSSES,
    NETWORKS,
    Color,
    Effort,
    Start,
    TaughtKind,
    Transfer,
    Transparency,
    described,
)
from adain.files import cropping, samples
from adain.film.limits import STEADIEST

if TYPE_CHECKING:
    from web.client import Batch, Standing, Studio, StudioError

app = typer.Typer()
APART = (
    "This shell is a visitor of its own: the page in your browser shows other pictures. To have "
    "them together, make a key in the page, under You, and set STUDIO_API_KEY to it."
)

Address = Annotated[
    str, typer.Option("--studio", help="its address; the one on this machine if left out")
]
Cookies = Annotated[
    Path | None, typer.Option("--cookies", help="file that holds who you are, one for a person")
]
Key = Annotated[
    str, typer.Option("--key", envvar="STUDIO_API_KEY", help="an API key, in place of cookies")
]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="a job's id")]
Picture = Annotated[
    Path,
    typer.Argument(
        exists=True, dir_okay=False, help="JPEG, PNG, WebP, AVIF, HEIC, GIF, TIFF, BMP; or a film"
    ),
]
ColorOption = Annotated[str, typer.Option("--color", help=" or ".join(Color))]
NetworkOption = Annotated[
    str, typer.Option("--network", help=f"{' or '.join(NETWORKS)}; the studio's if left out")
]
TransparencyOption = Annotated[
    str, typer.Option("--transparency", help="keep, or flatten: a plain ground shows through")
]
TransferOption = Annotated[
    str, typer.Option("--transfer", help=f"{' or '.join(Transfer)}; adain: plain AdaIN")
]
MethodOption = Annotated[str, typer.Option("--method", help=described())]
EffortOption = Annotated[
    str, typer.Option("--effort", help=f"{' or '.join(Effort)}: of a method of steps")
]
LossOption = Annotated[
    str, typer.Option("--loss", help=f"{' or '.join(LOSSES)}: what an optimisation follows")
]
StartOption = Annotated[
    str, typer.Option("--start", help=f"{' or '.join(Start)}: what an optimisation starts from")
]
Strokes = Annotated[float, typer.Option(help="0.5, fine, to 4, broad; 0: as at that size")]
Fit = Annotated[
    str, typer.Option(help="10x15, a4 or a3, at 300 dpi, or largest; in place of --size")
]
Margins = Annotated[
    bool, typer.Option("--keep-margins", help="keep plain borders of style pictures")
]
CropOption = Annotated[
    str, typer.Option("--crop", help="LEFT,TOP,RIGHT,BOTTOM of photos, shares from 0 to 1")
]
StyleCrop = Annotated[
    list[str] | None, typer.Option("--style-crop", help="the same of styles: one for each")
]
StylesCrop = Annotated[str, typer.Option("--style-crop", help="the same of every style")]
Region = Annotated[
    str, typer.Option(help="subject or background: all that one style paints, found if not masked")
]
Steady = Annotated[
    float | None, typer.Option(help=f"of a film: 0, lively, to {STEADIEST}: strokes that stay")
]
WeightsEnd = Annotated[
    list[float] | None, typer.Option("--weight-end", help="of a film: weights at its end")
]
Moving = Annotated[bool, typer.Option("--moving", help="an animated GIF, PNG or WebP is a film")]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="write the picture, a PNG, or film here")
]


def _style(word: str) -> Path:
    """Return the style picture that a path or the name of a sample means."""
    path = Path(word)
    found = path if path.is_file() else samples.file("styles", word)
    if not found:
        raise typer.BadParameter(samples.unknown(word))
    return found


def _crop(text: str) -> list[float]:
    """Return the crop that a text means; what it can't be ends the command with a sentence."""
    try:
        return [*cropping.read(text)]
    except ValueError as error:
        raise SystemExit(str(error)) from error


def _crops(photo: str, styles: Sequence[str]) -> dict[str, Any]:
    """Return the options that crops mean."""
    options: dict[str, Any] = {"crop": _crop(photo)} if photo else {}
    return options | ({"style_crops": list(map(_crop, styles))} if styles else {})


def _method(method: str, effort: str, loss: str, start: str) -> dict[str, Any]:
    """Return the options that say how a picture is made; those of the usual method are left out."""
    chosen = {"method": method, "effort": effort} if method != DEFAULT_METHOD else {}
    chosen |= {"loss": loss} if loss != DEFAULT_LOSS else {}
    return chosen | ({"start": start} if start != Start.PHOTO else {})


def _here() -> str:
    """Return the address of the studio on this machine, by its settings."""
    from worker.settings import settings

    return settings().public_url or f"http://127.0.0.1:{settings().port}"


@contextmanager
def _studio(address: str, cookies: Path | None, key: str) -> Iterator["Studio"]:
    """Yield the studio; what it refuses ends the command with its sentence."""
    from web.client import Studio, StudioError

    file = cookies or Path(typer.get_app_dir("adain-studio")) / "cookies.json"
    try:
        with Studio(address or _here(), file, key) as studio:
            is_new = studio.is_new
            yield studio
            if is_new:
                typer.echo(APART, err=True)
    except StudioError as error:
        other = " If it is at another address: --studio." if not (address or error.status) else ""
        raise SystemExit(f"{error}{other}") from error


def _summary(job_progress: "Standing") -> str:
    """Return state, position and progress of a job in a few words."""
    if job_progress.state == "queued":
        return f"queued, place {job_progress.position} in line"
    if job_progress.state == "running":
        step = f" {job_progress.step}/{job_progress.steps}" if job_progress.steps else ""
        return f"running, {job_progress.progress:.0%} {job_progress.stage}{step}".rstrip()
    return (
        f"{job_progress.state}: {job_progress.error}" if job_progress.error else job_progress.state
    )


def _watch(studio: "Studio", job_id: str) -> None:
    """Print the job's progress on stderr until it has ended; SystemExit unless it is done."""
    text = ""
    for job_progress in studio.watch(job_id):
        if _summary(job_progress) != text:
            text = _summary(job_progress)
            typer.echo(text, err=True)
    if job_progress.state != "done":
        raise SystemExit(1)


def _save(studio: "Studio", job_id: str, out: Path) -> None:
    studio.fetch(job_id, out)
    typer.echo(f"{out} is written.", err=True)


@app.command()
def submit(
    photo: Picture,
    styles: Annotated[
        list[Path] | None,
        typer.Argument(parser=_style, metavar="STYLE...", help="files, or names of samples"),
    ] = None,
    taught: Annotated[str, typer.Option(help="the id of a style that you taught")] = "",
    mask: Annotated[list[Path] | None, typer.Option(help="one for each style")] = None,
    weight: Annotated[list[float] | None, typer.Option(help="one for each style")] = None,
    alpha: Annotated[float, typer.Option(help="strength, 0 to 1")] = 1.0,
    color: ColorOption = Color.STYLE.value,
    size: Annotated[int, typer.Option(help="of the shorter side; 0: as it is")] = 512,
    network: NetworkOption = "",
    transfer: TransferOption = Transfer.COVARIANCE.value,
    fit: Fit = "",
    strokes: Strokes = 1.0,
    keep_margins: Margins = False,
    crop: CropOption = "",
    style_crop: StyleCrop = None,
    region: Region = "all",
    transparency: TransparencyOption = Transparency.FLATTEN.value,
    method: MethodOption = DEFAULT_METHOD,
    effort: EffortOption = Effort.MORE.value,
    loss: LossOption = DEFAULT_LOSS,
    start: StartOption = Start.PHOTO.value,
    steady: Steady = None,
    weight_end: WeightsEnd = None,
    moving: Moving = False,
    webhook: Annotated[str, typer.Option(help="address that is told when it has ended")] = "",
    wait: Annotated[bool, typer.Option("--wait", help="until it has ended")] = False,
    out: Out = None,
    address: Address = "",
    cookies: Cookies = None,
    key: Key = "",
) -> None:
    """Have a photo or film repainted in one or more styles; prints the job's id."""
    options: dict[str, Any] = {"alpha": alpha, "color": color, "size": size, "transfer": transfer}
    options |= {"fit": fit} if fit else {}
    options |= {"keep_margins": True} if keep_margins else {}
    options |= {"strokes": strokes, "region": region, "transparency": transparency}
    options |= _method(method, effort, loss, start)
    options |= _crops(crop, style_crop or [])
    options |= {"weights": weight} if weight else {}
    options |= {"network": network} if network else {}
    options |= {"taught": taught} if taught else {}
    options |= {} if steady is None else {"steady": steady}
    options |= {"weights_end": weight_end} if weight_end else {}
    options |= {"moving": True} if moving else {}
    with _studio(address, cookies, key) as studio:
        job = studio.submit(photo, styles or [], mask or [], webhook=webhook, **options)
        typer.echo(job.id)
        for notice in job.notices:
            typer.echo(notice, err=True)
        if wait or out:
            _watch(studio, job.id)
        if out:
            _save(studio, job.id, out)


@app.command()
def teach(
    photo: Picture,
    paintings: Annotated[list[Path], typer.Argument(parser=_style, metavar="PAINTING...")],
    kind: Annotated[str, typer.Option(help=" or ".join(TaughtKind))] = TaughtKind.FEEDFORWARD.value,
    steps: Annotated[int, typer.Option(min=0, help="0: as many as are usual")] = 0,
    wait: Annotated[bool, typer.Option("--wait", help="until it has ended")] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="wait, and write the style, *.safetensors, here"),
    ] = None,
    address: Address = "",
    cookies: Cookies = None,
    key: Key = "",
) -> None:
    """Teach the studio a style, in minutes; prints the id that `submit --taught` takes."""
    with _studio(address, cookies, key) as studio:
        job = studio.teach(photo, paintings, kind=kind, steps=steps)
        typer.echo(job.id)
        if wait or out:
            _watch(studio, job.id)
        if out:
            out.write_bytes(studio.taught_file(job.id))
            typer.echo(f"{out} is written.", err=True)


@app.command("taught")
def list_taught(address: Address = "", cookies: Cookies = None, key: Key = "") -> None:
    """List the styles that you taught, the latest first."""
    with _studio(address, cookies, key) as studio:
        for one in studio.taught():
            begun = datetime.fromtimestamp(one.submitted).strftime("%Y-%m-%d %H:%M")
            typer.echo(f"{one.id}  {begun}  {one.kind}  {one.title}")


def _sum(batch: "Batch") -> str:
    """Say in a few words how far a batch is."""
    counts = [f"{count} {state}" for state, count in batch.counts.items() if count]
    return f"{batch.progress:.0%}: {', '.join(counts)}"


def _see_through(studio: "Studio", batch_id: str) -> "Batch":
    """Say on stderr how far the batch is until all of it has ended."""
    for batch in studio.watch_batch(batch_id):
        typer.echo(_sum(batch), err=True)
    return batch


def _report_wait(error: "StudioError", seconds: float) -> None:
    typer.echo(f"{error} The next part is sent in {seconds:.0f} s.", err=True)


def _save_batches(studio: "Studio", sent: Sequence["Batch"], out: Path) -> None:
    """Write the pictures of each batch that has some to a zip, numbered from the second on."""
    for place, one in enumerate(sent):
        file = out if place == 0 else out.with_stem(f"{out.stem}-{place + 1}")
        if one.counts["done"]:
            studio.fetch_batch(one.id, file)
            typer.echo(f"{file} is written.", err=True)


@app.command()
def batch(
    photos: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, metavar="PHOTO...")],
    style: Annotated[list[Path], typer.Option("--style", "-s", parser=_style, help="repeatable")],
    alpha: Annotated[float, typer.Option(help="strength, 0 to 1")] = 1.0,
    color: ColorOption = Color.STYLE.value,
    size: Annotated[int, typer.Option(help="of the shorter side; 0: as it is")] = 512,
    network: NetworkOption = "",
    transfer: TransferOption = Transfer.COVARIANCE.value,
    fit: Fit = "",
    strokes: Strokes = 1.0,
    keep_margins: Margins = False,
    crop: CropOption = "",
    style_crop: StylesCrop = "",
    region: Region = "all",
    transparency: TransparencyOption = Transparency.FLATTEN.value,
    method: MethodOption = DEFAULT_METHOD,
    effort: EffortOption = Effort.MORE.value,
    loss: LossOption = DEFAULT_LOSS,
    start: StartOption = Start.PHOTO.value,
    wait: Annotated[bool, typer.Option("--wait", help="until all of it has ended")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="wait, and write the pictures, a zip, here")
    ] = None,
    address: Address = "",
    cookies: Cookies = None,
    key: Key = "",
) -> None:
    """Have each of many photos repainted in each style; prints the batch's id.

    What is more than the studio takes at once becomes several batches, and as many zips.
    """
    options: dict[str, Any] = {"alpha": alpha, "color": color, "size": size, "transfer": transfer}
    options |= {"fit": fit} if fit else {}
    options |= {"keep_margins": True} if keep_margins else {}
    options |= {"strokes": strokes, "region": region, "transparency": transparency}
    options |= _method(method, effort, loss, start)
    options |= _crops(crop, [style_crop] if style_crop else [])
    options |= {"network": network} if network else {}
    with _studio(address, cookies, key) as studio:
        sent = []
        for one in studio.submit_batches(photos, style, waiting=_report_wait, **options):
            typer.echo(one.id)
            sent.append(one)
        if wait or out:
            sent = [_see_through(studio, one.id) for one in sent]
        if out:
            _save_batches(studio, sent, out)
        if (wait or out) and any(one.counts["done"] < len(one.cells) for one in sent):
            raise SystemExit(1)


@app.command()
def watch(job_id: JobId, address: Address = "", cookies: Cookies = None, key: Key = "") -> None:
    """Tell where a job stands until it has ended; fails unless it is done."""
    with _studio(address, cookies, key) as studio:
        _watch(studio, job_id)


@app.command("list")
def list_jobs(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="the newest so many")] = 20,
    address: Address = "",
    cookies: Cookies = None,
    key: Key = "",
) -> None:
    """List your jobs, newest first."""
    with _studio(address, cookies, key) as studio:
        for _, job in zip(range(limit), studio.list(), strict=False):
            begun = datetime.fromtimestamp(job.submitted).strftime("%Y-%m-%d %H:%M")
            typer.echo(f"{job.id}  {begun}  {job.width} × {job.height}  {_summary(job)}")


@app.command()
def get(
    job_id: JobId, out: Out = None, address: Address = "", cookies: Cookies = None, key: Key = ""
) -> None:
    """Print all that is known of a job, or write its picture."""
    with _studio(address, cookies, key) as studio:
        if out:
            _save(studio, job_id, out)
        else:
            typer.echo(json.dumps(asdict(studio.get(job_id)), indent=2, ensure_ascii=False))


@app.command()
def cancel(job_id: JobId, address: Address = "", cookies: Cookies = None, key: Key = "") -> None:
    """Cancel a job, unless it has ended."""
    with _studio(address, cookies, key) as studio:
        typer.echo(_summary(studio.cancel(job_id)))
