"""Power cuts: processes on a disk that forgets what was not synced, and what is left afterwards.

`power.c` is compiled and preloaded; as a program this is what runs on such a disk.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.parts import picture
from worker.settings import settings

SHIM = Path(__file__).with_name("power.c")


def shim(folder: Path) -> Path:
    """Compile the shim into a folder; return the library."""
    library = folder / "power.so"
    command = ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, SHIM, "-ldl"]
    subprocess.run(list(map(str, command)), check=True)
    return library


def start(library: Path, disk: Path, what: str) -> "subprocess.Popen[str]":
    """Start what this file does as a program, on a disk that forgets."""
    disk.mkdir(exist_ok=True)
    environment = os.environ | {"LD_PRELOAD": str(library), "POWER_DISK": str(disk)}
    command = [sys.executable, "-m", "tests.hard.power", what]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def restored(live: Path, disk: Path, target: Path) -> None:
    """Make a folder as it is after the power cut from what was synced of it."""
    [kept] = disk.glob(f"d{live.stat().st_ino}-*")  # the folder itself was there before
    _restore(kept, disk, target)


def _restore(names: Path, disk: Path, target: Path) -> None:
    target.mkdir()
    for line in names.read_text().splitlines() if names.exists() else ():
        file, _, name = line.partition(" ")
        if file.startswith("d"):
            _restore(disk / file, disk, target / name)
        elif (disk / file).exists():
            shutil.copy(disk / file, target / name)
        else:
            (target / name).touch()  # its name was synced, its bytes were not


# ---------------------------------------------------------------- lives


def settle() -> None:
    """Sync all there is at the start: it was there before."""
    root = settings().data
    for path in (*root.rglob("*"), root):
        if path.is_file() or path.is_dir():
            handle = os.open(path, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)


def submit() -> None:
    """Send jobs for ever; say the id of each that was accepted."""
    from worker import jobs

    photo, style = picture(96, 96, "JPEG"), picture(color="orange")
    while True:
        print(jobs.submit("ann", photo, [style], options={"size": 64}).id, flush=True)


def submit_batches() -> None:
    """Send batches for ever; say the ids of the jobs of each that was accepted."""
    from worker.jobs import batches
    from worker.jobs.batches import Source

    photo, style = (Source("photo", 1, picture), Source("style", 1, lambda: picture(color="red")))
    while True:
        batch = batches.submit("ann", [photo, photo], [style], {"size": 64})
        print(*(job.id for job in batches.cells(batch)), flush=True)


def work() -> None:
    """Make pictures for ever; say the ids of the jobs that are done."""
    import torch

    from worker import jobs
    from worker.jobs import Status
    from worker.runner import pipeline
    from worker.runner.worker import Worker

    torch.set_num_threads(1)
    worker = Worker()
    worker.heartbeat.start()
    said = set[str]()
    while True:
        pipeline.answer(worker)
        done = {job.id for job in jobs.mine("ann", 1000) if job.status == Status.DONE} - said
        said |= done
        print(*done, flush=True)


def remove() -> None:
    """Delete a job, have that on the disk by what is stored next, and say so."""
    from worker import jobs
    from worker.gallery import bins
    from worker.storage import blobs

    job = jobs.submit("ann", picture(96, 96, "JPEG"), [picture()], options={"size": 64})
    jobs.cancel(job.id, "ann")
    bins.remove("ann", [job.id])
    blobs.put("check-" + "0" * 32 + "/probe", b"probe")  # which syncs the folder of all jobs
    print("removed", flush=True)
    sys.stdin.read()


def careless() -> None:
    """Write a picture and a row without syncing them, and say so."""
    from worker.storage import blobs, processes

    blobs.put("check-" + "0" * 32 + "/probe", b"probe", durable=False)
    processes.touch("careless", "web", {})
    print("written", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    settle()
    lives = {"submit": submit, "batches": submit_batches, "work": work, "remove": remove}
    (lives | {"careless": careless})[sys.argv[1]]()
