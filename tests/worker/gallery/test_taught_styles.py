"""Taught styles as rows and files: backed up, restored, kept from the sweep, private at the end."""

from pathlib import Path

import pytest
from sqlalchemy import update

from tests.parts import Setting, picture
from worker import jobs
from worker.gallery import embedded_settings, entries, taught_styles
from worker.jobs import Job
from worker.maintenance import backup, reclaim, restore, retention, verify
from worker.storage import blobs, database

WEIGHTS = b"what was taught"


def asked(owner: str = "ann") -> Job:
    options = {"size": 64, "teach": "feedforward", "steps": 7}
    return jobs.submit(owner, picture(), [picture(70, 70)], options=options)


def done(owner: str = "ann") -> Job:
    """Return a job that taught a style."""
    job = asked(owner)
    assert jobs.claim("worker")
    keys = {
        name: f"{job.id}/{name}-1.{end}" for name, end in (("result", "png"), ("thumbnail", "jpg"))
    }
    taught = f"{job.id}/taught-1.safetensors"
    made = {keys["result"]: picture(), keys["thumbnail"]: picture(), taught: WEIGHTS}
    blobs.put_all(made)
    files = {**(job.files or {}), **{key: blobs.fingerprint(data) for key, data in made.items()}}
    assert jobs.finish(
        job.id, 1, result_key=keys["result"], thumbnail_key=keys["thumbnail"], width=64, height=48,
        device="cpu", weights_sha256="0" * 64, version="1", timings={}, taught_key=taught,
        files=files,
    )  # fmt: skip
    return jobs.find(job.id)


def test_a_taught_style_is_backed_up_and_restored_with_its_file(
    studio: Path, tmp_path: Path
) -> None:
    job, waiting = done(), asked()
    blobs.put(f"{waiting.id}/checkpoint.pt", b"so far")
    file, _ = backup.make(tmp_path / "back-up.tar")
    blobs.delete([job.taught_key or ""])
    assert verify.problems() == [f"{job.taught_key} is missing."]
    restore.restore(file, replace=True)
    assert verify.problems() == []
    assert blobs.get(taught_styles.get(job.id, "ann").taught_key or "") == WEIGHTS
    assert not blobs.exists(f"{waiting.id}/checkpoint.pt")  # it is made again


def test_the_sweep_leaves_a_taught_style_and_what_is_being_taught(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reclaim, "ORPHAN_SECONDS", -3600.0)  # all is old enough to go
    job, waiting = done(), asked()
    kept = [f"{waiting.id}/checkpoint.pt", f"{waiting.id}/sample.jpg", job.taught_key or ""]
    blobs.put_all({kept[0]: b"so far", kept[1]: picture()})
    stray = f"{job.id}/taught-2.safetensors"
    blobs.put(stray, b"of an attempt that came too late")
    reclaim.run()
    assert all(map(blobs.exists, kept))
    assert not blobs.exists(stray)


def test_a_taught_style_goes_not_by_age(studio: Path, setting: Setting) -> None:
    setting(retention_days=1)
    job = done()
    with database.transaction() as session:
        session.execute(update(Job).values(finished=1.0))
    assert retention.forget() == []
    assert entries.kept_until(entries.own(job.id, "ann")) is None


def test_a_published_picture_does_not_tell_by_which_taught_style(studio: Path) -> None:
    job = done()
    job.options = {**job.options, "taught": job.id}
    kept = embedded_settings.settings_of(job).options
    assert (kept.taught, kept.teach, kept.steps) == ("", "", 0)
