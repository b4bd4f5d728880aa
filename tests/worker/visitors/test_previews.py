import os
import time
from collections.abc import Iterator
from itertools import count, repeat
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from tests.parts import Setting, picture
from worker import jobs
from worker.errors import Refused
from worker.images import images
from worker.images.images import CleanImage
from worker.jobs import service_state
from worker.maintenance import reclaim
from worker.storage import blobs, database
from worker.storage.blobs import StorageFull
from worker.visitors import accounts, preview_claims, preview_expiry, previews, quota, rate_limits
from worker.visitors.previews import Preview, State
from worker.visitors.rate_limits import Allowance, TooMany, Visitor

ANN, BOB = Visitor("ann", "here"), Visitor("bob", "here")


def small(color: str = "teal") -> CleanImage:
    return images.small(picture(600, 400, color=color), previews.SIDE)


def ask(visitor: Visitor = ANN, **options: object) -> str:
    return previews.ask(visitor, small(), [small("orange")], options=options)


def rows() -> list[Preview]:
    with database.reading() as session:
        return list(session.scalars(select(Preview)))


def back(seconds: float) -> None:
    """Let time pass."""
    with database.transaction() as session:
        session.execute(update(Preview).values(asked=Preview.asked - seconds))


def files() -> list[str]:
    filesystem, root = blobs._place()
    return sorted(Path(str(path)).name for path in filesystem.find(root))


def test_a_picture_is_made_small_by_its_shorter_side_and_never_larger(studio: Path) -> None:
    assert (small().width, small().height) == (384, 256)
    tiny = images.small(picture(20, 40), previews.SIDE)
    assert (tiny.width, tiny.height) == (20, 40)


def test_what_would_be_too_large_even_for_a_preview_is_refused(studio: Path) -> None:
    line = images.small(picture(1, 20_000), previews.SIDE)
    for pictures in ((line, small()), (small(), line)):
        with pytest.raises(Refused, match=r"would be worked on at \d+ × \d+ pixels; at most 1"):
            previews.ask(ANN, pictures[0], [pictures[1]])
    assert rows() == []


@pytest.mark.parametrize(("width", "height"), [(256, 31_000), (20_000, 300), (4_000, 3_000)])
def test_a_preview_is_small_however_long_its_photo_is(
    studio: Path, width: int, height: int
) -> None:
    strip = images.small(picture(width, height), previews.SIDE)
    assert max(strip.width, strip.height) <= 4 * previews.SIDE
    assert len(strip.data) < 1 << 20
    previews.ask(ANN, strip, [small()])
    claimed = preview_claims.claim()
    assert claimed is not None
    working = jobs.WorkingSize.of(strip, claimed.options["size"])
    assert working.pixels <= previews.MOST_PIXELS


def test_a_new_preview_replaces_the_earlier_one_of_its_owner(either: Path) -> None:
    first, second = ask(alpha=0.1), ask(alpha=0.2)
    assert previews.look(first, "ann") is None
    assert previews.look(second, "ann") == State.ASKED
    claimed = preview_claims.claim()
    assert claimed is not None
    assert (claimed.id, claimed.options["alpha"], claimed.options["size"]) == (second, 0.2, 256)
    assert preview_claims.claim() is None
    assert len(rows()) == 1
    assert files() == ["content.jpg", "style-0.jpg"]


def ask_in(slot: str, visitor: Visitor = ANN) -> str:
    return previews.ask(visitor, small(), [small("orange")], slot=slot)


def test_each_slot_of_a_visitor_has_its_own_preview(either: Path) -> None:
    first, second = ask_in("a tab"), ask_in("\0 another")
    latest = ask_in("a tab")
    assert previews.look(first, "ann") is None
    assert previews.look(second, "ann") == State.ASKED
    assert previews.look(second, "ann another") is None
    begun = {begin().id, begin().id}
    assert begun == {second, latest}
    assert preview_claims.claim() is None
    assert {row.owner for row in rows()} == {"ann"}
    assert len(files()) == 4


def test_the_oldest_slot_of_a_visitor_goes_beyond_their_number(either: Path) -> None:
    bobs = ask(BOB)
    asked = [ask_in(f"tab {number}") for number in range(previews.SLOTS + 2)]
    assert [previews.look(one, "ann") for one in asked[:2]] == [None, None]
    assert all(previews.look(one, "ann") == State.ASKED for one in asked[2:])
    assert previews.look(bobs, "bob") == State.ASKED
    assert len(files()) == 2 * (previews.SLOTS + 1)


def test_an_account_that_goes_takes_the_previews_of_all_slots_along(either: Path) -> None:
    ask()
    ask_in("a tab")
    bobs = ask_in("a tab", BOB)
    accounts.remove("ann")
    assert [row.id for row in rows()] == [bobs]
    assert len(files()) == 2


def test_a_row_of_an_earlier_program_is_its_owners_preview(either: Path) -> None:
    preview_id = ask()
    with database.transaction() as session:
        session.execute(update(Preview).values(visitor=None))
    assert previews.look(preview_id, "ann") == State.ASKED
    assert begin().owner == "ann"


def test_a_contact_sheet_is_one_request_that_earlier_programs_do_not_take(
    either: Path, setting: Setting
) -> None:
    setting(visitor_previews=3)
    ask()
    sheet = previews.ask_sheet(ANN, small(), ["ink", "night"], {"alpha": 0.5})
    assert [(row.id, row.state) for row in rows()] == [(sheet, "sheet")]  # not "asked"
    claimed = preview_claims.claim()
    assert claimed is not None
    assert (claimed.sheet, claimed.options["alpha"]) == (["ink", "night"], 0.5)
    with pytest.raises(TooMany):  # it was charged for both of its pictures
        ask()


def ask_sheet(visitor: Visitor = ANN) -> str:
    return previews.ask_sheet(visitor, small(), ["ink", "night"], {})


def begin() -> Preview:
    found = preview_claims.claim()
    assert found is not None
    return found


def test_previews_are_begun_by_turns_of_address_however_many_cookies_one_has(
    either: Path,
) -> None:
    crowd = [Visitor(f"cookie-{number}", "here") for number in range(4)]
    for one in crowd:
        ask(one)
    begun = []
    for _ in range(3):
        ask(Visitor("eve", "elsewhere"))  # after all of the others
        for _ in range(2):
            begun.append(begin())
            if begun[-1].origin == "here":  # asks again at once
                ask(Visitor(begun[-1].owner, "here"))
    assert [one.origin for one in begun] == ["here", "elsewhere"] * 3
    assert len({one.owner for one in begun}) == 4


def test_where_no_address_is_known_previews_are_begun_by_turns_of_owner(either: Path) -> None:
    ask(Visitor("ann"))
    assert begin().owner == "ann"
    ask(Visitor("ann"))
    ask(Visitor("bob"))
    assert [begin().owner, begin().owner] == ["bob", "ann"]


def test_a_turn_noted_by_a_clock_that_was_ahead_counts_as_none(either: Path) -> None:
    ask()
    begin()
    with database.transaction() as session:
        noted = Allowance.what == preview_claims.TURN
        session.execute(update(Allowance).where(noted).values(until=Allowance.until + 3600))
    ask()
    ask(Visitor("eve", "elsewhere"))
    assert begin().owner == "ann"


def test_previews_are_begun_before_contact_sheets(either: Path) -> None:
    ask_sheet(BOB)
    ask(ANN)
    assert [begin().owner, begin().owner] == ["ann", "bob"]


def _begun(claims: int, visitors: Iterator[Visitor]) -> list[str]:
    """Return whose requests are begun, with one preview always waiting; sheets are given back."""
    begun = []
    ask(next(visitors))
    for _ in range(claims):
        begun.append(begin())
        if begun[-1].sheet:
            preview_claims.give_back(begun[-1])
        else:
            ask(next(visitors))
    return [one.owner for one in begun]


@pytest.mark.parametrize("address", ["here", "elsewhere", ""])
def test_one_whose_previews_always_wait_takes_turns_with_contact_sheets(
    either: Path, setting: Setting, address: str
) -> None:
    setting(visitor_previews=0, address_previews=0)
    ask_sheet(BOB if address else Visitor("bob"))
    begun = _begun(20, repeat(Visitor("eve", address)))
    assert begun == ["eve", "bob"] * 10


def test_a_contact_sheet_that_waited_goes_before_previews_of_ever_other_addresses(
    studio: Path, setting: Setting
) -> None:
    ask_sheet(BOB)
    crowd = (Visitor(f"cookie-{number}", f"address-{number}") for number in count())
    assert "bob" not in _begun(3, crowd)
    back(preview_claims.PATIENCE + 1)
    ask(next(crowd))
    assert begin().owner == "bob"


def test_sixty_claims_with_a_preview_always_waiting_give_a_sheet_its_turn(
    studio: Path, setting: Setting
) -> None:
    setting(visitor_previews=0, address_previews=0)
    ask_sheet(BOB)
    assert "bob" in _begun(60, repeat(ANN))


def test_a_sheet_that_is_held_no_longer_keeps_no_other_waiting(studio: Path) -> None:
    ask_sheet(BOB)
    gone = begin()
    ask_sheet(Visitor("eve", "elsewhere"))
    ask(Visitor("dan", "there"))
    begin()
    ask(Visitor("dan", "there"))
    found = preview_claims.claim(held=gone.id)
    assert found is not None
    assert found.owner == "eve"


def test_a_contact_sheet_waits_as_long_as_its_page_does(either: Path) -> None:
    ask_sheet()
    back(previews.SHEET_FRESH - 1)
    assert previews.waiting("light") == 1
    back(2)
    assert previews.waiting("light") == 0
    assert preview_claims.claim() is None


def test_a_contact_sheet_given_back_is_claimed_again_first_by_who_began_it(
    either: Path,
) -> None:
    ask_sheet(ANN)
    first = begin()
    ask_sheet(Visitor("eve", "elsewhere"))
    assert preview_claims.give_back(first)
    assert previews.look(first.id, "ann") == State.SHEET_ASKED
    again = preview_claims.claim(held=first.id)
    assert again is not None
    assert again.id == first.id
    assert preview_claims.give_back(again)
    assert begin().owner == "eve"  # by who holds none


def test_an_outdated_contact_sheet_is_not_given_back(either: Path) -> None:
    ask_sheet()
    first = begin()
    assert preview_claims.is_wanted(first)
    latest = ask()
    assert not preview_claims.is_wanted(first)
    assert not preview_claims.give_back(first)
    assert previews.look(latest, "ann") == State.ASKED
    ask_sheet(BOB)
    begin()
    old = begin()
    back(previews.SHEET_FRESH + 1)
    assert not preview_claims.is_wanted(old)
    assert not preview_claims.give_back(old)
    assert previews.look(old.id, "bob") == State.FAILED
    accounts.remove("bob")
    assert not preview_claims.give_back(old)


def test_only_a_preview_that_this_worker_may_make_waits_for_it(
    either: Path, setting: Setting
) -> None:
    ask_sheet(BOB)
    assert not preview_claims.waits()
    assert preview_claims.waits(sheets=True)
    ask(ANN)
    assert preview_claims.waits()
    setting(serves="heavy")
    assert not preview_claims.waits()
    setting(serves="light")
    back(previews.FRESH + 1)
    assert not preview_claims.waits()


def test_what_is_overtaken_while_it_is_made_changes_nothing(either: Path) -> None:
    ask()
    overtaken = preview_claims.claim()
    assert overtaken is not None
    latest = ask()
    preview_claims.end(overtaken, State.MADE)
    assert previews.look(latest, "ann") == State.ASKED


def test_visitors_see_their_own_preview_and_take_turns(either: Path) -> None:
    anns, bobs = ask(ANN), ask(BOB)
    assert previews.look(anns, "bob") is None
    ask(ANN)  # behind bob's now
    claimed = preview_claims.claim()
    assert claimed is not None
    assert claimed.id == bobs


def test_abandoned_previews_are_not_made(either: Path) -> None:
    ask()
    back(previews.FRESH + 1)
    assert preview_claims.claim() is None


def test_a_preview_is_no_job(either: Path, setting: Setting) -> None:
    setting(visitor_waiting=1, visitor_submissions=1)
    for _ in range(3):
        ask()
    assert jobs.mine("ann") == []
    assert sum(jobs.counts().values()) == 0
    assert jobs.claim("worker") is None
    assert quota.kept("ann") == 0
    rate_limits.consume(ANN, rate_limits.submissions())  # none was spent


def test_previews_have_a_limit_of_their_own(either: Path, setting: Setting) -> None:
    setting(visitor_previews=2)
    ask()
    ask()
    with pytest.raises(TooMany, match="many previews"):
        ask()
    setting(visitor_previews=0, address_previews=1)
    ask(Visitor("ann", "elsewhere"))
    with pytest.raises(TooMany):
        ask(Visitor("bob", "elsewhere"))


def test_pictures_that_did_not_change_are_not_stored_again(studio: Path) -> None:
    ask()
    folder = studio / "blobs" / previews.folder("ann")

    def stored() -> dict[str, int]:
        return {path.name: path.stat().st_ino for path in folder.iterdir()}

    before = stored()
    ask(alpha=0.5)
    assert stored() == before
    previews.ask(ANN, small("navy"), [small("orange")])
    assert {name for name, file in stored().items() if file != before[name]} == {"content.jpg"}


def test_a_draining_or_paused_studio_makes_no_previews(either: Path) -> None:
    ask()
    service_state.change(service_state.State.PAUSED)
    assert preview_claims.claim() is None
    service_state.change(service_state.State.DRAINING)
    with pytest.raises(service_state.NotAccepting):
        ask()


def test_bad_options_are_refused(studio: Path) -> None:
    for options in ({"alpha": 2}, [1]):
        with pytest.raises(Refused):
            previews.ask(ANN, small(), [small()], options=options)
    assert files() == []


def test_rows_and_pictures_go_when_no_other_follows(either: Path) -> None:
    ask(ANN)
    back(previews.LASTS + 1)
    latest = ask(BOB)
    preview_expiry.forget()
    assert [row.id for row in rows()] == [latest]
    assert files() == ["content.jpg", "style-0.jpg"]
    ask(ANN)
    assert len(files()) == 4


def test_an_account_that_goes_takes_its_preview_along(either: Path) -> None:
    ask()
    accounts.remove("ann")
    assert rows() == []
    assert files() == []


# ---------------------------------------------------------------- what they take of the disk


def on_disk(studio: Path) -> int:
    folders = list((studio / "blobs").glob("preview-*"))
    files = [file for folder in folders for file in folder.iterdir()]
    return sum(512 * path.stat().st_blocks for path in (*folders, *files))


def test_previews_with_a_new_cookie_each_stay_within_the_cap(
    either: Path, setting: Setting
) -> None:
    setting(previews_bytes=2_000_000)
    ask(Visitor("cat", "elsewhere"))
    latest = [ask(Visitor(f"cookie-{number}", "here")) for number in range(12)]
    assert 0 < on_disk(either) <= sum(row.bytes for row in rows()) <= 2_000_000
    kept = {row.owner: row.id for row in rows()}
    assert "cat" in kept, "an address that keeps less gave way"
    assert latest[-1] in kept.values()
    assert latest[0] not in kept.values()
    assert len(list((either / "blobs").glob("preview-*"))) == len(kept)


def test_a_preview_that_takes_the_place_of_ones_own_needs_no_other_room(
    either: Path, setting: Setting
) -> None:
    ask()
    setting(previews_bytes=rows()[0].bytes)
    latest = ask(alpha=0.5)
    assert previews.look(latest, "ann") == State.ASKED
    with pytest.raises(StorageFull):  # it would keep more than who is there
        previews.ask(Visitor("eve", "elsewhere"), small(), [small("orange"), small("navy")])


def test_pictures_of_previews_count_among_the_bytes_of_the_day(
    either: Path, setting: Setting
) -> None:
    ask()
    setting(daily_bytes=100_000)
    for _ in range(20):
        ask(alpha=0.5)  # the same pictures
    with pytest.raises(TooMany):  # noqa: PT012
        for number in range(20):
            ask(Visitor(f"cookie-{number}", "here"))


def test_folders_of_previews_without_a_row_are_deleted_not_kept_in_the_trash(
    either: Path,
) -> None:
    for number in range(reclaim.MANY + 1):
        ask(Visitor(f"cookie-{number}", "here"))
    with database.transaction() as session:
        session.execute(delete(Preview))
    reclaim.run()
    assert len(files()) == 2 * (reclaim.MANY + 1)
    for path in (either / "blobs").glob("preview-*/*"):
        os.utime(path, (time.time() - 3600,) * 2)
    reclaim.run()
    assert files() == []
