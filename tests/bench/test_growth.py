from tests.bench import growth
from tests.bench.growth import DAY, Studio


def day(**changed: float) -> growth.Day:
    studio = Studio(**{"jobs": 100_000, "rate": 5.0} | changed)  # type: ignore[arg-type]
    return growth.simulate(studio, growth._wave(studio))


def made(of: growth.Day) -> int:
    return sum(count for _, count in of.waits)


def test_the_simulated_day_has_all_its_jobs_and_its_peak_at_noon() -> None:
    wave = growth._wave(Studio(jobs=100_000, rate=1))
    assert round(sum(wave)) == 100_000
    assert wave.index(max(wave)) == DAY // 2
    flat = growth._wave(Studio(jobs=100_000, rate=1, noon=0))
    assert max(flat) == min(flat)


def test_a_studio_that_is_large_enough_makes_all_without_waiting() -> None:
    large = day(least=50)
    assert abs(made(large) - 100_000) < 2_000  # they come by chance
    assert large.wait(0.95) <= 1


def test_workers_that_come_when_they_are_needed_cost_less_and_let_some_wait() -> None:
    scaled, large = day(), day(least=50)
    assert scaled.hours < large.hours / 5
    assert scaled.wait(0.95) >= large.wait(0.95)
    assert abs(made(scaled) - made(large)) < 100


def test_a_studio_that_is_too_small_says_so_by_its_waits() -> None:
    assert day(most=1, rate=1.2).wait(0.95) > 3600


def test_slower_workers_cost_more_worker_hours() -> None:
    assert day(rate=0.1).hours > 1.5 * day(rate=0.2).hours
