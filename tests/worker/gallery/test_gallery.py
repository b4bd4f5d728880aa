import itertools
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import func, select, update

from tests.parts import Setting, finish, picture, pictured, undeletable
from worker import jobs
from worker.errors import Message, Refused
from worker.gallery import bins, entries, lists, reports
from worker.gallery.lists import Order, Page, Wanted
from worker.gallery.model import Entry, EntryNotFound, LinkRevoked, Report, Shown
from worker.jobs import Job, Status
from worker.maintenance import sweep
from worker.storage import blobs, database
from worker.storage.database import Base

UNKNOWN = "00000000-0000-7000-8000-000000000000"
RED, BLUE = picture(20, 20, color="red"), picture(20, 20, color="blue")


def made(owner: str = "ann", styles: Sequence[bytes] = (RED,), **options: object) -> str:
    """A finished job's id."""
    job = jobs.submit(owner, picture(), styles, options=options)
    claimed = jobs.claim("worker-1")
    assert claimed is not None
    blobs.put(f"{job.id}/result-1.png", picture())
    assert finish(claimed, 64, 48, {"total": 0.5})
    return job.id


def ids(page: Page) -> list[str]:
    return [shown.job.id for shown in page.entries]


def set_finished(job_id: str, finished: float) -> None:
    with database.transaction() as session:
        session.execute(update(Job).where(Job.id == job_id).values(finished=finished))


def rows(table: type[Base]) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


# ---------------------------------------------------------------- mine


def test_what_is_done_is_in_its_owners_gallery_and_no_other(either: Path) -> None:
    mine = made("ann")
    jobs.submit("ann", picture(), [RED])  # waits, and so is not in the gallery
    assert ids(lists.mine("ann")) == [mine]
    assert ids(lists.mine("ben")) == []
    assert ids(lists.public()) == []
    entry = entries.own(mine, "ann").entry
    assert (entry.title, entry.tags, entry.favourite, entry.published) == ("", [], False, None)


def test_pages_follow_each_other_without_gap_or_repetition(either: Path) -> None:
    all_of_them = [made() for _ in range(5)]
    for order, wanted in ((Order.NEWEST, all_of_them[::-1]), (Order.OLDEST, all_of_them)):
        seen: list[str] = []
        cursor = None
        for _ in range(3):
            page = lists.mine("ann", Wanted(limit=2, order=order, cursor=cursor))
            seen += ids(page)
            cursor = page.next
        assert seen == wanted
        assert cursor is None


def test_a_full_last_page_has_no_next(either: Path) -> None:
    made(), made()
    assert lists.mine("ann", Wanted(limit=2)).next is None


def test_a_page_is_not_disturbed_by_what_comes_or_goes_meanwhile(either: Path) -> None:
    one, two, three = made(), made(), made()
    page = lists.mine("ann", Wanted(limit=1))
    assert ids(page) == [three]
    made()
    bins.remove("ann", [three])  # the cursor's own entry
    assert ids(lists.mine("ann", Wanted(cursor=page.next))) == [two, one]


def test_a_page_by_its_number_is_the_one_the_cursors_lead_to(either: Path) -> None:
    all_of_them = [made() for _ in range(5)]
    for one in all_of_them[1:]:
        entries.publish(one, "ann")
    first = lists.mine("ann", Wanted(limit=2))
    by_cursor = lists.mine("ann", Wanted(limit=2, cursor=first.next))
    by_number = lists.mine("ann", Wanted(limit=2, page=2))
    assert ids(by_number) == ids(by_cursor) == all_of_them[2:0:-1]
    assert (by_number.next, by_number.total, by_cursor.total) == (by_cursor.next, 5, None)
    last = lists.public(Wanted(limit=3, page=2))
    assert (ids(last), last.next, last.total) == ([all_of_them[1]], None, 4)
    beyond = lists.mine("ann", Wanted(limit=2, page=9, text="nowhere"))
    assert (beyond.entries, beyond.total) == ([], 0)


def test_a_list_takes_a_cursor_or_a_page_not_both(either: Path) -> None:
    with pytest.raises(Refused, match="not both"):
        lists.mine("ann", Wanted(page=1, cursor=UNKNOWN))


@pytest.mark.parametrize(
    "cursor",
    ["x", "0x1p+3", "0x1p+3_x", "nan", "é" * 36, "1e999_", "_", "\x00" * 36, f"nan_{UNKNOWN}"],
)
def test_a_cursor_that_is_none_is_refused(either: Path, cursor: str) -> None:
    for ask in (lambda wanted: lists.mine("ann", wanted), lists.public):
        with pytest.raises(Refused, match="`cursor` must be `next` of the page before"):
            ask(Wanted(cursor=cursor))


# ---------------------------------------------------------------- search and filter


def test_words_are_found_in_title_and_tags_whatever_their_case(either: Path) -> None:
    sea, wood = made(), made()
    entries.change(sea, "ann", title="Evening at the SEA", tags=["Ölbild", "바다"])
    entries.change(wood, "ann", title="A 100% wooden_thing", tags=["sea"])
    for words, found in {
        "sea": [wood, sea],
        "SEA evening": [sea],
        "ölbild": [sea],
        "ÖLBILD": [sea],
        "바다": [sea],
        "100%": [wood],
        "wooden_": [wood],
        "%": [wood],
        "even_ng": [],
        "mountain": [],
        "  ": [wood, sea],
    }.items():
        assert ids(lists.mine("ann", Wanted(text=words))) == found, words


def test_text_typed_in_parts_is_found_as_text_typed_whole(either: Path) -> None:
    one = made()
    entries.change(one, "ann", title="\u1112\u1161\u11ab\u1100\u1173\u11af")  # 한글, decomposed
    assert ids(lists.mine("ann", Wanted(text="한글"))) == [one]
    assert entries.own(one, "ann").entry.title == "한글"


def test_every_filter_finds_its_own(either: Path) -> None:
    plain = made()
    other = made(styles=[RED, BLUE], color="content", size=128, network="vgg19")
    entries.change(other, "ann", favourite=True)
    set_finished(plain, 1000.0)
    set_finished(other, 2000.0)
    blue = jobs.get(other, "ann").style_digests[1]
    red = jobs.get(plain, "ann").style_digests[0]
    for wanted, found in (
        (Wanted(network="vgg19"), [other]),
        (Wanted(network="compact"), [plain]),
        (Wanted(color="content"), [other]),
        (Wanted(color="luminance"), []),
        (Wanted(size=128), [other]),
        (Wanted(size=512), [plain]),
        (Wanted(favourite=True), [other]),
        (Wanted(favourite=False), [plain]),
        (Wanted(style=blue), [other]),
        (Wanted(style=red), [other, plain]),
        (Wanted(since=1000.0, until=2000.0), [plain]),
        (Wanted(since=1000.5), [other]),
        (Wanted(style=red, size=512, network="compact", color="style"), [plain]),
    ):
        assert ids(lists.mine("ann", wanted)) == found, wanted


def test_the_same_style_has_the_same_digest_in_every_job(either: Path) -> None:
    first, second = made(styles=[RED]), made("ben", styles=[BLUE, RED])
    assert jobs.get(first, "ann").style_digests[0] == jobs.get(second, "ben").style_digests[1]


def test_the_public_list_takes_the_same_filters_but_favourites(either: Path) -> None:
    one, two = made(), made("ben", color="content")
    for job_id, owner in ((one, "ann"), (two, "ben")):
        entries.publish(job_id, owner)
        entries.change(job_id, owner, title=f"by {owner}")
    assert ids(lists.public(Wanted(color="content"))) == [two]
    assert ids(lists.public(Wanted(text="ann"))) == [one]
    with pytest.raises(Refused, match="Only your own gallery"):
        lists.public(Wanted(favourite=True))


def test_the_public_list_tells_of_no_style_that_is_not_lent(either: Path) -> None:
    mine, lent = made(styles=[RED, BLUE]), made("ben", styles=[RED])
    for job_id, owner in ((mine, "ann"), (lent, "ben")):
        entries.publish(job_id, owner)
    entries.change(lent, "ben", lends_styles=True)
    red, blue = jobs.get(mine, "ann").style_digests
    assert ids(lists.public(Wanted(style=red))) == [lent]
    assert ids(lists.public(Wanted(style=blue))) == []
    assert lists.public(Wanted(style=blue, page=1)).total == 0
    assert ids(lists.public(Wanted(style=blue), {blue})) == [mine]  # one of the studio's
    assert ids(lists.mine("ann", Wanted(style=blue))) == [mine]


# ---------------------------------------------------------------- change


def test_a_change_keeps_what_it_does_not_name(either: Path) -> None:
    one = made()
    entries.change(one, "ann", title="Sea", favourite=True)
    shown = entries.change(one, "ann", tags=["a", "b", "a", "  "])
    assert (shown.entry.title, shown.entry.tags, shown.entry.favourite) == ("Sea", ["a", "b"], True)
    shown = entries.change(one, "ann", title="", tags=[], favourite=False)
    assert (shown.entry.title, shown.entry.tags, shown.entry.favourite) == ("", [], False)
    assert ids(lists.mine("ann", Wanted(text="sea"))) == []


def test_a_change_of_nothing_changes_nothing(either: Path) -> None:
    assert entries.change(made(), "ann").entry.title == ""
    assert rows(Entry) == 0


def test_text_is_kept_plain(either: Path) -> None:
    shown = entries.change(made(), "ann", title="  a\x00b\u202ec \n d ", tags=["\x00"])
    assert (shown.entry.title, shown.entry.tags) == ("a b c d", [])
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    assert entries.change(shown.job.id, "ann", title=family).entry.title == family


def test_too_much_text_is_refused_with_what_is_accepted(either: Path) -> None:
    one = made()
    with pytest.raises(Refused, match="at most 120 characters; this one has 121"):
        entries.change(one, "ann", title="x" * 121)
    for tags in (["x" * 41], [str(number) for number in range(13)]):
        with pytest.raises(Refused, match="at most 12 tags of at most 40 characters"):
            entries.change(one, "ann", tags=tags)


# ---------------------------------------------------------------- who may


OWNERS_VERBS = {
    "own": entries.own,
    "change": lambda job_id, owner: entries.change(job_id, owner, title="mine"),
    "publish": entries.publish,
    "unpublish": entries.unpublish,
    "share": entries.share,
    "revoke": entries.revoke,
}


@pytest.mark.parametrize("verb", OWNERS_VERBS.values(), ids=OWNERS_VERBS)
def test_only_the_owner_may_and_others_learn_nothing(either: Path, verb: object) -> None:
    assert callable(verb)
    job_id = made("ann")
    waiting = jobs.submit("ann", picture(), [RED]).id
    entries.publish(job_id, "ann")
    before = entries.own(job_id, "ann")
    sentences = set()
    for asked, asker in ((job_id, "ben"), (UNKNOWN, "ann"), ("\x00", "ann"), (waiting, "ann")):
        with pytest.raises(EntryNotFound) as refusal:
            verb(asked, asker)
        sentences.add(str(refusal.value))
    assert sentences == {"There is no picture with this id in the gallery."}
    after = entries.own(job_id, "ann").entry
    assert (after.title, after.published) == ("", before.entry.published)
    assert isinstance(verb(job_id, "ann"), Shown)


# ---------------------------------------------------------------- public


def test_what_is_published_is_everybodys_to_see_until_it_is_not(either: Path) -> None:
    one = made()
    with pytest.raises(EntryNotFound):
        entries.get(one, "ben")
    before = time.time()
    published = entries.publish(one, "ann").entry.published
    assert published is not None
    assert before - 1 < published < time.time() + 1
    assert entries.publish(one, "ann").entry.published == published  # again changes nothing
    assert entries.get(one, "ben").job.id == one
    assert ids(lists.public()) == [one]
    assert entries.unpublish(one, "ann").entry.published is None
    assert ids(lists.public()) == []
    with pytest.raises(EntryNotFound):
        entries.get(one, "ben")


def test_the_public_list_is_paged_by_when_it_was_published(either: Path) -> None:
    first, second, third = made(), made(), made()
    for job_id in (second, third, first):
        entries.publish(job_id, "ann")
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        page = lists.public(Wanted(limit=1, cursor=cursor))
        seen += ids(page)
        cursor = page.next
    assert (seen, cursor) == ([first, third, second], None)
    assert ids(lists.public(Wanted(order=Order.OLDEST))) == [second, third, first]


def test_entries_published_at_the_same_instant_are_all_on_some_page(either: Path) -> None:
    all_of_them = [made() for _ in range(4)]
    for job_id in all_of_them:
        entries.publish(job_id, "ann")
    with database.transaction() as session:
        session.execute(update(Entry).values(published=1234.1))
    first = lists.public(Wanted(limit=3))
    second = lists.public(Wanted(limit=3, cursor=first.next))
    assert ids(first) + ids(second) == sorted(all_of_them, reverse=True)


# ---------------------------------------------------------------- share


def test_a_link_shows_its_entry_until_it_is_revoked(either: Path) -> None:
    one = made()
    generation = entries.share(one, "ann").entry.generation
    assert entries.share(one, "ann").entry.generation == generation
    assert entries.by_link(one, generation).job.id == one
    assert entries.revoke(one, "ann").entry.shared is None
    with pytest.raises(LinkRevoked, match="shows nothing any more"):
        entries.by_link(one, generation)
    again = entries.share(one, "ann").entry.generation
    assert again != generation
    assert entries.by_link(one, again).job.id == one
    with pytest.raises(LinkRevoked):
        entries.by_link(one, generation)


def test_a_link_ends_with_its_entry(either: Path) -> None:
    one = made()
    generation = entries.share(one, "ann").entry.generation
    bins.remove("ann", [one])
    with pytest.raises(LinkRevoked):
        entries.by_link(one, generation)


def test_revoking_before_sharing_is_fine(either: Path) -> None:
    one = made()
    entries.revoke(one, "ann")
    with pytest.raises(LinkRevoked):
        entries.by_link(one, 0)


# ---------------------------------------------------------------- delete


def test_deleting_takes_rows_pictures_and_reports(either: Path) -> None:
    gone, stays, foreign = made(), made(), made("ben")
    entries.publish(gone, "ann")
    reports.report(gone, "ben")
    assert bins.remove("ann", [gone, foreign, UNKNOWN, "\x00"]) == [gone]
    assert ids(lists.mine("ann")) == [stays]
    assert ids(lists.mine("ben")) == [foreign]
    assert (rows(Job), rows(Entry), rows(Report)) == (2, 0, 0)
    assert pictured() == {stays, foreign}
    assert bins.remove("ann", [gone]) == []


def test_what_the_storage_keeps_back_is_deleted_all_the_same(
    studio: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = made()
    undeletable(monkeypatch, one)
    assert bins.remove("ann", [one]) == [one]
    assert ids(lists.mine("ann")) == []
    assert "its pictures are left to the sweep" in caplog.text


def test_a_failed_job_can_be_deleted_and_a_waiting_one_cannot(either: Path) -> None:
    failed = jobs.submit("ann", picture(), [RED]).id
    assert jobs.claim("worker-1")
    assert jobs.fail(failed, 1, Message("job.out_of_memory"))
    waiting = jobs.submit("ann", picture(), [RED]).id
    assert bins.remove("ann", [failed, waiting]) == [failed]
    assert jobs.get(waiting, "ann").status == Status.QUEUED


def test_favourites_do_not_go_by_age(either: Path) -> None:
    one, other, binned = made(), made(), made()
    for each in (one, binned):
        entries.change(each, "ann", favourite=True)
    bins.put("ann", [binned])
    assert entries.kept_until(entries.own(one, "ann")) is None
    for each in (one, other, binned):
        set_finished(each, time.time() - 31 * 86400)
    with database.transaction() as session:
        session.execute(update(Job).where(Job.id == binned).values(binned=time.time() - 31 * 86400))
    sweep.tidy()
    assert ids(lists.mine("ann")) == [one]
    assert [shown.job.id for shown in bins.listed("ann")] == [binned]


def test_retention_deletes_public_entries_like_any_other(either: Path, setting: Setting) -> None:
    one = made()
    entries.publish(one, "ann")
    reports.report(one, "ben")
    entries.share(one, "ann")
    job = jobs.get(one, "ann")
    assert job.finished is not None
    assert entries.kept_until(entries.own(one, "ann")) == job.finished + 30 * 86400
    sweep.tidy()
    assert ids(lists.public()) == [one]
    set_finished(one, job.finished - 31 * 86400)
    sweep.tidy()
    assert (rows(Job), rows(Entry), rows(Report), pictured()) == (0, 0, 0, set())


def test_without_retention_nothing_has_an_end(studio: Path, setting: Setting) -> None:
    setting(retention_days=0)
    assert entries.kept_until(entries.own(made(), "ann")) is None


# ---------------------------------------------------------------- reports


def test_enough_visitors_take_an_entry_down_at_once(either: Path, setting: Setting) -> None:
    setting(reports_to_hide=2)
    one = made()
    entries.publish(one, "ann")
    generation = entries.share(one, "ann").entry.generation
    reports.report(one, "ben", "not nice")
    reports.report(one, "ben", "really")
    assert ids(lists.public()) == [one]  # one visitor counts once
    reports.report(one, "cem", " ")
    assert ids(lists.public()) == []
    with pytest.raises(EntryNotFound):
        entries.get(one, "ben")
    with pytest.raises(LinkRevoked):
        entries.by_link(one, generation)
    assert entries.own(one, "ann").entry.hidden is not None
    [listed] = reports.reported()
    assert listed.shown.job.id == one
    assert [(word.visitor, word.reason) for word in listed.reports] == [
        ("ben", "not nice"),
        ("cem", ""),
    ]


def test_what_was_taken_down_can_not_be_shown_to_others_again(
    either: Path, setting: Setting
) -> None:
    setting(reports_to_hide=1)
    one = made()
    entries.publish(one, "ann")
    reports.report(one, "ben")
    entries.unpublish(one, "ann")
    for verb in (entries.publish, entries.share):
        with pytest.raises(Refused, match="was taken down after reports"):
            verb(one, "ann")
    entry = entries.own(one, "ann").entry
    assert (entry.published, entry.shared) == (None, None)
    assert [listed.shown.job.id for listed in reports.reported()] == [one]


def test_only_public_entries_can_be_reported(either: Path) -> None:
    for job_id in (made(), UNKNOWN, "no-id"):
        with pytest.raises(EntryNotFound):
            reports.report(job_id, "ben")
    assert rows(Report) == 0


def test_reports_that_come_at_once_are_all_counted(either: Path, setting: Setting) -> None:
    setting(reports_to_hide=6)
    one = made()
    entries.publish(one, "ann")
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(reports.report, itertools.repeat(one), "abcdef"))
    assert entries.own(one, "ann").entry.hidden is not None


def test_the_admin_lets_an_entry_stay_and_earlier_reports_count_no_more(
    either: Path, setting: Setting
) -> None:
    setting(reports_to_hide=2)
    one = made()
    entries.publish(one, "ann")
    for visitor in ("ben", "cem"):
        reports.report(one, visitor)
    reports.judge(one, stays=True)
    assert ids(lists.public()) == [one]
    assert reports.reported() == []
    for visitor in ("ben", "cem", "dan"):
        reports.report(one, visitor)
    assert ids(lists.public()) == [one]  # of these only dan is new
    reports.report(one, "eve")
    assert ids(lists.public()) == []


def test_the_admin_takes_an_entry_down_before_enough_have_reported(either: Path) -> None:
    one = made()
    entries.publish(one, "ann")
    reports.report(one, "ben")
    reports.judge(one, stays=False)
    assert ids(lists.public()) == []
    assert reports.reported() == []
    with pytest.raises(EntryNotFound):
        reports.judge(UNKNOWN, stays=False)


def test_the_review_list_has_pages(either: Path) -> None:
    reported = [made() for _ in range(3)]
    for job_id in reported:
        entries.publish(job_id, "ann")
        reports.report(job_id, "ben")
    assert [one.shown.job.id for one in reports.reported(limit=2)] == reported[:2]
    [last] = reports.reported(limit=2, after=reported[1])
    assert (last.shown.job.id, len(last.reports)) == (reported[2], 1)


# ---------------------------------------------------------------- migration


def test_jobs_from_before_the_gallery_are_in_it(either: Path) -> None:
    one = made()
    config = Config()
    config.set_main_option("script_location", str(database.MIGRATIONS))
    command.downgrade(config, "0001")
    database.migrate()
    assert ids(lists.mine("ann")) == [one]
    assert ids(lists.mine("ann", Wanted(style="0" * 64))) == []
