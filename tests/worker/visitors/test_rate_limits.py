import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from adain import catalog
from tests.parts import Setting, picture, pictured
from worker import jobs
from worker.jobs import Job
from worker.jobs.batches import Source
from worker.storage import database
from worker.visitors import admission, quota, rate_limits, turns
from worker.visitors.rate_limits import Allowance, TooMany, Visitor

ANN = Visitor("ann", "here")


def submit(visitor: Visitor = ANN) -> Job:
    return admission.submit(visitor, picture(), [picture(20, 20)])


def passed(visitors: list[Visitor]) -> int:
    """Return how many of those who submit at once get in."""

    def gets_in(visitor: Visitor) -> bool:
        try:
            return bool(submit(visitor))
        except TooMany:
            return False

    with ThreadPoolExecutor(8) as pool:
        return sum(pool.map(gets_in, visitors))


def back(seconds: float) -> None:
    """Let time pass: everything was spent so much earlier."""
    with database.transaction() as session:
        for one in session.scalars(select(Allowance)):
            one.until -= seconds


def test_a_visitor_over_the_rate_limit_is_refused_with_retry_after(
    either: Path, setting: Setting
) -> None:
    setting(visitor_submissions=3)
    begun = time.monotonic()
    for _ in range(3):
        submit()
    with pytest.raises(TooMany, match="3 jobs a minute") as refused:
        submit()
    assert 19 - (time.monotonic() - begun) <= refused.value.retry_after <= 20
    submit(Visitor("bob", "here"))
    back(20)
    submit()
    with pytest.raises(TooMany):
        submit()
    back(3600)  # no more than a minute's worth is ever saved up
    assert passed([ANN] * 6) == 3


def test_a_job_by_a_slow_method_counts_as_several(either: Path, setting: Setting) -> None:
    setting(visitor_submissions=10)
    slow = {"method": "refine", "effort": "more"}
    assert (catalog.METHODS["adain"].counts("more"), catalog.METHODS["refine"].counts("more")) == (
        1,
        4,
    )
    for _ in range(2):
        admission.submit(ANN, picture(), [picture(20, 20)], options=slow)
    with pytest.raises(TooMany, match="one by a slow method counts as several"):
        admission.submit(ANN, picture(), [picture(20, 20)], options=slow)
    for _ in range(2):
        submit()
    with pytest.raises(TooMany):
        submit()
    source, bob = Source("a.png", 0, picture), Visitor("bob")
    admission.submit_batch(bob, [source] * 2, [source], slow)
    with pytest.raises(TooMany):
        admission.submit_batch(bob, [source], [source], slow)


def test_an_address_sends_so_many_a_minute_for_all_its_visitors(
    either: Path, setting: Setting
) -> None:
    setting(address_submissions=3)
    assert passed([Visitor(f"visitor-{n}", "here") for n in range(8)]) == 3
    submit(Visitor("ann", "elsewhere"))
    submit(Visitor("ann"))  # no address is known


def test_who_is_refused_at_the_address_has_spent_nothing_of_the_own(
    either: Path, setting: Setting
) -> None:
    setting(visitor_submissions=1, address_submissions=1)
    submit(Visitor("bob", "here"))
    with pytest.raises(TooMany, match="your network"):
        submit()
    submit(Visitor("ann", "elsewhere"))


def test_of_many_at_once_no_more_get_in_line_than_may(either: Path, setting: Setting) -> None:
    setting(visitor_waiting=4)
    assert passed([ANN] * 12) == 4
    assert jobs.counts()[jobs.Status.QUEUED] == 4
    assert len(pictured()) == 4
    with pytest.raises(TooMany, match="4 jobs in line") as refused:
        submit()
    assert refused.value.retry_after > 0
    jobs.cancel(jobs.mine("ann")[0].id, "ann")
    submit()


def test_an_address_has_so_many_in_line(either: Path, setting: Setting) -> None:
    setting(address_waiting=3)
    assert passed([Visitor(f"visitor-{n}", "here") for n in range(9)]) == 3
    submit(Visitor("ann", "elsewhere"))


def test_bytes_are_counted_by_the_day(either: Path, setting: Setting) -> None:
    setting(daily_bytes=1000)
    rate_limits.consume(ANN, rate_limits.sent(700))
    with pytest.raises(TooMany, match="a day") as refused:
        rate_limits.consume(ANN, rate_limits.sent(700))
    assert 0.39 * 86400 < refused.value.retry_after < 0.41 * 86400
    rate_limits.consume(ANN, rate_limits.sent(300))
    back(86400)
    rate_limits.consume(ANN, rate_limits.sent(5000))  # larger than a day's: a whole day's worth
    with pytest.raises(TooMany):
        rate_limits.consume(Visitor("bob", "here"), rate_limits.sent(10))


def test_what_is_kept_of_a_job_counts_towards_the_days_bytes(
    either: Path, setting: Setting
) -> None:
    sent = len(picture()) + len(picture(20, 20))
    submit()
    kept = quota.kept("ann")  # with what is reserved for the result
    assert kept > 10 * sent
    setting(daily_bytes=2 * kept + sent)
    back(86400)
    submit()
    submit()
    with pytest.raises(TooMany, match="a day may be sent from one place, or kept") as refused:
        submit(Visitor("bob", "here"))
    assert refused.value.retry_after > 10_000
    assert jobs.mine("bob") == []
    submit(Visitor("bob", "elsewhere"))


def test_what_is_kept_of_a_batch_counts_towards_the_days_bytes(
    either: Path, setting: Setting
) -> None:
    source = Source("a.png", len(picture()), picture)
    admission.submit_batch(ANN, [source], [source, source])
    kept = quota.kept("ann")
    setting(daily_bytes=kept)
    back(86400)
    admission.submit_batch(ANN, [source], [source, source])
    with pytest.raises(TooMany, match="a day"):
        admission.submit_batch(ANN, [source], [source, source])
    assert quota.kept("ann") == 2 * kept


def test_a_job_of_more_than_a_days_bytes_takes_a_whole_day(either: Path, setting: Setting) -> None:
    setting(daily_bytes=1000)
    submit()
    with pytest.raises(TooMany):
        submit()
    back(86400)
    submit()


def test_a_check_refuses_what_spending_would_and_spends_nothing(
    either: Path, setting: Setting
) -> None:
    setting(daily_bytes=1000, visitor_submissions=2)
    for _ in range(3):
        rate_limits.check(ANN, rate_limits.sent(700), rate_limits.submissions(2))
    rate_limits.consume(ANN, rate_limits.sent(700))
    rate_limits.check(ANN, rate_limits.sent(300))
    for asks in (rate_limits.check, rate_limits.consume):
        with pytest.raises(TooMany, match="a day") as refused:
            asks(ANN, rate_limits.sent(700))
        assert 0.39 * 86400 < refused.value.retry_after < 0.41 * 86400
    back(86400)
    rate_limits.check(ANN, rate_limits.sent(5000))


def test_uploads_are_counted_apart(either: Path, setting: Setting) -> None:
    setting(visitor_uploads=4, visitor_submissions=1)
    submit()
    rate_limits.consume(ANN, rate_limits.pictures())
    rate_limits.consume(ANN, rate_limits.pictures())
    with pytest.raises(TooMany, match="4 pictures a minute"):
        rate_limits.consume(ANN, rate_limits.pictures())


def test_a_limit_of_0_means_no_limit(either: Path, setting: Setting) -> None:
    names = ("submissions", "waiting", "uploads", "decoding")
    setting(**{f"{who}_{what}": 0 for who in ("visitor", "address") for what in names})
    setting(daily_bytes=0, visitor_bytes=0, total_bytes=0)
    for _ in range(5):
        submit()
        rate_limits.charge(ANN, rate_limits.decoding(5000))
        rate_limits.consume(ANN, rate_limits.pictures())


def test_the_address_is_forgotten_when_the_job_has_ended(either: Path) -> None:
    ended, waiting = submit(), submit()
    jobs.cancel(ended.id, "ann")
    turns.forget_origins()
    assert jobs.get(ended.id, "ann").origin is None
    assert jobs.get(waiting.id, "ann").origin == "here"
    back(10 * 86400)
    rate_limits.forget()
    with database.reading() as session:
        assert session.scalars(select(Allowance)).all() == []


def test_a_job_spends_an_opened_picture_for_each_of_its_files(
    either: Path, setting: Setting
) -> None:
    setting(visitor_uploads=3)
    submit()
    with pytest.raises(TooMany, match="3 pictures a minute opened"):
        submit()
    with database.reading() as session:
        assert session.get(Allowance, ("owner:ann", "pictures")) is not None


def test_time_of_decoding_is_charged_afterwards_and_comes_back(
    either: Path, setting: Setting
) -> None:
    setting(visitor_decoding=60, address_decoding=100)
    rate_limits.charge(ANN, rate_limits.decoding(50))
    rate_limits.consume(ANN, rate_limits.pictures())
    rate_limits.charge(ANN, rate_limits.decoding(20))
    with pytest.raises(TooMany, match="very long to open") as refused:
        rate_limits.consume(ANN, rate_limits.pictures())
    with pytest.raises(TooMany, match="very long to open"):
        submit()
    assert 90 <= refused.value.retry_after <= 100  # 10 seconds too many of 60 in ten minutes
    rate_limits.consume(Visitor("bob", "here"), rate_limits.pictures())
    rate_limits.charge(Visitor("eve", "here"), rate_limits.decoding(40))
    with pytest.raises(TooMany, match="very long to open"):
        rate_limits.consume(Visitor("bob", "here"), rate_limits.pictures())
    back(101)
    rate_limits.consume(ANN, rate_limits.pictures())


def test_sixty_large_photos_from_a_slow_machine_are_within_what_decoding_may_take(
    studio: Path,
) -> None:
    for _ in range(2 * 60):  # put in the form, and sent
        rate_limits.consume(ANN, rate_limits.pictures())
        rate_limits.charge(ANN, rate_limits.decoding(4.9))
