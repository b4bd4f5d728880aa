"""The order in which requests get seats; no clock is used."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Thread

import pytest

from worker.images import line
from worker.images.line import Busy, Line
from worker.visitor import Visitor

ANN, BOB = Visitor("ann", "here"), Visitor("bob", "there")


@contextmanager
def lined_up(made: Line, *visitors: Visitor) -> Iterator[list[str]]:
    """Have visitors wait in this order; yields the owners in the order in which they got a seat."""
    order: list[str] = []

    def take(who: Visitor) -> None:
        with made.seat(who):
            order.append(who.owner)

    threads = [Thread(target=take, args=(who,)) for who in visitors]
    for place, thread in enumerate(threads, made.waiting + 1):
        thread.start()
        while made.waiting < place:
            thread.join(0.001)
    yield order
    for thread in threads:
        thread.join()


def test_a_free_seat_goes_to_the_address_that_has_none_however_many_wait_of_the_other() -> None:
    made = Line(2, 2)
    with ExitStack() as both:
        both.enter_context(made.seat(ANN))
        other = ExitStack()
        other.enter_context(made.seat(ANN))
        with lined_up(made, *[ANN] * 9, BOB) as order:
            other.close()  # Ann has one seat still, and nine wait
    assert order == ["bob", *["ann"] * 9]


def test_addresses_take_turns_and_so_do_owners_within_one() -> None:
    made = Line(1, 1)
    cid = Visitor("cid", "here")
    with ExitStack() as held:
        held.enter_context(made.seat(Visitor("eve", "elsewhere")))
        with lined_up(made, ANN, ANN, ANN, cid, BOB, BOB) as order:
            held.close()
    assert order == ["ann", "bob", "cid", "bob", "ann", "ann"]


def test_an_address_alone_has_no_more_seats_than_it_may() -> None:
    made = Line(4, 2, patience=0)
    with made.seat(ANN), made.seat(ANN), made.seat(BOB):
        with pytest.raises(Busy), made.seat(Visitor("cid", "here")):
            pass
        with made.seat(BOB):
            pass


def test_a_visitor_of_no_known_address_is_an_address_of_its_own() -> None:
    made = Line(4, 1, patience=0)
    with (
        made.seat(Visitor("ann")),
        made.seat(Visitor("bob")),
        pytest.raises(Busy),
        made.seat(Visitor("ann")),
    ):
        pass


def test_a_full_line_turns_away_and_one_address_cannot_fill_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(line, "OF_ADDRESS", 3)
    made = Line(1, 1)
    with ExitStack() as held:
        held.enter_context(made.seat(ANN))
        with lined_up(made, ANN, ANN, ANN), ExitStack():
            with pytest.raises(Busy) as busy, made.seat(ANN):
                pass
            assert busy.value.retry_after > 0
            with lined_up(made, BOB) as order:
                monkeypatch.setattr(line, "IN_ALL", 4)
                with pytest.raises(Busy), made.seat(Visitor("cid", "elsewhere")):
                    pass
                held.close()
    assert order == ["bob"]


def test_who_waited_too_long_leaves_no_place_behind() -> None:
    made = Line(1, 1, patience=0)
    with made.seat(ANN), pytest.raises(Busy), made.seat(BOB):
        pass
    assert made.waiting == 0
    with made.seat(BOB):
        pass


async def _cancelled(made: Line) -> None:
    async def take() -> None:
        async with made.turn(BOB):
            pass

    with made.seat(ANN):
        waits = asyncio.create_task(take())
        while not made.waiting:
            await asyncio.sleep(0)
        waits.cancel()
        await asyncio.wait([waits])
        assert made.waiting == 0
    async with made.turn(BOB):
        pass


def test_a_request_that_ended_while_it_waited_leaves_no_place_behind() -> None:
    asyncio.run(_cancelled(Line(1, 1)))
