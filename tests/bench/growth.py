"""`python -m tests.bench.growth`: a day of a large studio, simulated, with its arithmetic.

Jobs come by chance, more by day than by night; workers are added as KEDA does it by
deploy/kubernetes/scaling.yaml. What one worker does a second, what a job weighs and what machines
cost are given; the defaults are docs/scaling.md's.
"""

import argparse
import math
import random
from collections import deque
from dataclasses import dataclass

DAY = 86_400


@dataclass(frozen=True)
class Studio:
    """What is asked for, and what answers it."""

    jobs: float  # a day
    rate: float  # jobs a second of one worker
    noon: float = 2.6  # how much of a day's work comes around noon; 0: the same all day
    target: int = 60  # rows that wait or run for each worker, as KEDA is configured
    least: int = 1
    most: int = 200
    ready: int = 60  # seconds until a new worker works
    cooldown: int = 300  # seconds until one too many goes
    look: int = 10  # seconds between two looks of KEDA


@dataclass(frozen=True)
class Day:
    """How a day went."""

    waits: list[tuple[float, int]]  # seconds, jobs
    hours: float  # of workers
    most: int  # workers at a time

    def wait(self, share: float) -> float:
        """Return the wait that this share of the jobs did not exceed."""
        total, seen = sum(count for _, count in self.waits), 0
        for seconds, count in sorted(self.waits):
            seen += count
            if seen >= share * total:
                return seconds
        return 0.0


def _wave(studio: Studio) -> list[float]:
    """Return the mean of the jobs that come in each second of a day, most of them at noon."""
    heights = [
        ((1 - math.cos(2 * math.pi * second / DAY)) / 2) ** studio.noon for second in range(DAY)
    ]
    total = sum(heights)
    return [studio.jobs * height / total for height in heights]


def _arrivals(mean: float, chance: random.Random) -> int:
    """Return how many come where so many do in the mean: a Poisson number."""
    if mean > 20:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        count += 1
    return count


def simulate(studio: Studio, wave: list[float], seed: int = 1) -> Day:
    """Live through a day, second by second."""
    chance = random.Random(seed)
    line: deque[tuple[int, int]] = deque()  # when they came, how many
    waiting, working, capacity = 0, studio.least, 0.0
    coming: deque[tuple[int, int]] = deque()  # when they will be ready, how many
    wanted_since = 0
    waits: dict[int, int] = {}
    busy_seconds, most = 0, working
    for second, mean in enumerate(wave):
        if came := _arrivals(mean, chance):
            line.append((second, came))
            waiting += came
        while coming and coming[0][0] <= second:
            working += coming.popleft()[1]
        capacity = min(capacity + working * studio.rate, max(1.0, working * studio.rate))
        running = min(waiting, working)
        while line and capacity >= 1:
            since, count = line[0]
            served = min(count, int(capacity))
            waits[second - since] = waits.get(second - since, 0) + served
            waiting, capacity = waiting - served, capacity - served
            if served == count:
                line.popleft()
            else:
                line[0] = (since, count - served)
        there = working + sum(count for _, count in coming)
        if second % studio.look == 0:
            rows = waiting + running
            wanted = min(studio.most, max(studio.least, math.ceil(rows / studio.target)))
            if wanted > there:
                coming.append((second + studio.ready, wanted - there))
            if wanted >= working:
                wanted_since = second
            elif second - wanted_since > studio.cooldown:
                working, wanted_since = working - 1, second - studio.cooldown + studio.look
        most, busy_seconds = max(most, there), busy_seconds + there
    return Day([(float(s), n) for s, n in waits.items()], busy_seconds / 3600, most)


@dataclass(frozen=True)
class Prices:
    """What is paid, in any currency; assumptions to be replaced by your own."""

    hour: float  # of one worker's machine
    month: float = 0.023  # a GB kept for a month
    writes: float = 0.005  # a thousand objects written


def print_day(name: str, studio: Studio, prices: Prices, megabytes: float, days: float) -> None:
    """Print a simulated day and its arithmetic."""
    wave = _wave(studio)
    day, mean, height = simulate(studio, wave), studio.jobs / DAY, max(wave)
    kept = studio.jobs * megabytes * days / 1000  # GB, when as much is deleted as comes
    machines = day.hours * prices.hour
    storage = kept * prices.month / 30 + studio.jobs * 4 / 1000 * prices.writes
    print(f"\n{name}: {studio.jobs:,.0f} jobs a day, {studio.rate:g} a second and worker")
    print(f"  {mean:.1f} jobs a second in the mean, {height:.1f} at noon")
    print(f"  / {studio.rate:g} = {height / studio.rate:.0f} workers busy at noon")
    print(f"  simulated: at most {day.most} workers, {day.hours:.0f} worker hours")
    waits = " / ".join(f"{day.wait(share):.0f}" for share in (0.5, 0.95, 1.0))
    print(f"  waits, median / 95 of 100 / longest: {waits} s")
    print(f"  pictures: {studio.jobs * megabytes / 1e6:.2f} TB a day, {kept / 1000:.0f} TB kept")
    each = 1000 / studio.jobs
    print(f"  a thousand pictures: {machines * each:.3f} machines, {storage * each:.3f} storage")


def main() -> None:
    """Print two days: many light jobs, and as many that need a thousand workers."""
    parser = argparse.ArgumentParser("python -m tests.bench.growth", description=__doc__)
    parser.add_argument("--jobs", type=float, default=1e6, help="a day")
    parser.add_argument("--light", type=float, default=37, help="512 px, jobs a second and worker")
    parser.add_argument("--heavy", type=float, default=0.055, help="vgg19 at 2048 px, likewise")
    parser.add_argument("--megabytes", type=float, default=1.0, help="that one job keeps")
    parser.add_argument("--days", type=float, default=30, help="they are kept")
    parser.add_argument("--hour", type=float, default=0.08, help="price of a worker's two cores")
    args = parser.parse_args()
    prices = Prices(args.hour)
    light = Studio(args.jobs, args.light)
    heavy = Studio(1.75 * args.jobs, args.heavy, target=2, most=1500)
    print_day("Light", light, prices, args.megabytes, args.days)
    print_day("A thousand workers", heavy, prices, 16 * args.megabytes, args.days)


if __name__ == "__main__":
    main()
