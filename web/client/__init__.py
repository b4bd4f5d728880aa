"""A client of the API, for programs and for `adain-studio submit | watch | list | get`.

Stands alone: needs httpx, and neither the server's parts nor its settings.

    with Studio("http://127.0.0.1:7860", Path("cookies.json")) as studio:
        job = studio.submit(Path("photo.jpg"), [Path("night.jpg")], alpha=0.8)
        for now in studio.watch(job.id):
            print(now.state, now.progress)
        Path("painted.png").write_bytes(studio.result(job.id))
"""

from web.client.answers import Batch, Cell, Job, Standing, StudioError, Taught
from web.client.parts import Limits
from web.client.studio import Studio

__all__ = ["Batch", "Cell", "Job", "Limits", "Standing", "Studio", "StudioError", "Taught"]
