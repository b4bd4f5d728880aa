from pathlib import Path

from tests.bench import gallery_pages
from tests.parts import Setting
from worker.gallery import lists
from worker.gallery.lists import Wanted


def test_a_gallery_made_by_the_script_can_be_walked_from_end_to_end(
    either: Path, setting: Setting
) -> None:
    gallery_pages.fill(500)
    for ask, how_many in (
        (lambda wanted: lists.mine(gallery_pages.OWNER, wanted), 250),
        (lists.public, 375),
    ):
        page = ask(Wanted(limit=100))
        seen = [shown.job.id for shown in page.entries]
        while page.next:
            page = ask(Wanted(limit=100, cursor=page.next))
            seen += [shown.job.id for shown in page.entries]
        assert len(seen) == len(set(seen)) == how_many


def test_every_query_of_the_bench_returns_entries(studio: Path) -> None:
    gallery_pages.fill(500)
    with gallery_pages.served() as address:
        asking = gallery_pages.Asking(address)
        found = {
            f"{asked['scope']}: {name}": len(asking.page(asked)["entries"])
            for name, asked in gallery_pages.questions(asking, 500)
        }
    nothing = {name for name, count in found.items() if count == 0}
    assert all("none" in name for name in nothing)
    assert len(found) == 27
