"""Measure how soon change points are found, and how often without a change, on series drawn by seed."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from probe.analysis.statistics.cusum import Change, collapse, interference
from tests.bench.table import row
from tests.support.measurements.synthetic_world import Templates, templates
from tests.support.measurements.synthetic_world import score as score_world

YEARS, DAYS, ONSET, END = 300, 365, 180, 240
WORLDS = 5
DENSE = 30_000  # measurements of a made-up world: one for each network and target every other day


def poisson(rng: random.Random, mean: float) -> int:
    """Draw a count from the intervals of a Poisson process."""
    n, reached = 0, rng.expovariate(1.0)
    while reached < mean:
        n, reached = n + 1, reached + rng.expovariate(1.0)
    return n


def judged(rng: random.Random, n: int, share: float) -> tuple[float, float]:
    """Draw a day of one network, which counts as one observation."""
    hits = sum(rng.random() < share for _ in range(n))
    return hits / max(1, n), (n - hits) / max(1, n)


def score(draw: Callable[[random.Random, bool], list[Change]]) -> tuple[float, float, float, float]:
    """Return false alarms per year over YEARS series, and share, median delay and error (days) of true onsets."""
    rng = random.Random(2026)
    false = sum(len(draw(rng, False)) for _ in range(YEARS))
    first = [[change for change in draw(rng, True) if change.detected >= ONSET][:1] for _ in range(YEARS)]
    found = [change for changes in first for change in changes if change.onset is not None and change.detected < END]
    delays = [change.detected - ONSET for change in found]
    errors = [abs((change.onset or 0) - ONSET) for change in found]
    return false / YEARS, len(found) / YEARS, median(delays or [DAYS]), median(errors or [DAYS])


def blocking(mean: float, noise: float, hit: float) -> Callable[[random.Random, bool], list[Change]]:
    def draw(rng: random.Random, truly: bool) -> list[Change]:
        shares = (hit if truly and ONSET <= day < END else noise for day in range(DAYS))
        return interference([judged(rng, poisson(rng, mean), share) for share in shares])

    return draw


def shutdown(mean: float) -> Callable[[random.Random, bool], list[Change]]:
    def draw(rng: random.Random, truly: bool) -> list[Change]:
        """Return the expected volume. Every seventh day has half of it."""
        usual = (mean * (0.5 if day % 7 == 0 else 1.0) for day in range(DAYS))
        silent = (0.05 if truly and ONSET <= day < END else 1.0 for day in range(DAYS))
        return collapse([poisson(rng, mean * part) for mean, part in zip(usual, silent, strict=True)])

    return draw


def add_row(what: str, figures: Sequence[float], met: bool) -> None:
    false, found, delay, error = figures
    text = f"{false:.3f} false a year; {found:.0%} found, {delay:.0f} d late, onset off by {error:.0f} d"
    row(what, text, "under 0.05 false a year, 95 % found", met)


def changes(folder: Path) -> None:
    """Measure the delay of found change points and the false alarms."""
    for mean, noise, hit in ((1, 0.02, 0.95), (5, 0.02, 0.95), (5, 0.05, 0.6), (50, 0.05, 0.95)):
        figures = score(blocking(mean, noise, hit))
        title = f"events: {mean} a day, {noise:.0%} accuse by mistake, {hit:.0%} while blocked"
        add_row(title, figures, figures[0] < 0.05 and figures[1] >= 0.95)
    for mean in (5, 20, 200):
        figures = score(shutdown(mean))
        add_row(f"shutdowns: {mean} measurements on a usual day", figures, figures[0] < 0.05 and figures[1] >= 0.95)
    known = templates()
    for size in (10_000, 30_000, 100_000):
        made_up_worlds(size, known)


def made_up_worlds(size: int, known: Templates) -> None:
    """Measure on `probe synth`: about 80 networks, 7 targets and 90 days."""
    worlds = [score_world(size, seed, known) for seed in range(WORLDS)]
    begun, found, false, dark, all_dark = (
        sum(getattr(world, name) for world in worlds) for name in ("begun", "found", "false", "dark", "all_dark")
    )
    text = f"{false} false in {WORLDS} worlds; {found} of {begun} onsets found, "
    text += f"{median(world.delay for world in worlds):.0f} d late, off by {median(w.error for w in worlds):.0f} d; "
    text += f"{dark} of {all_dark} shutdowns"
    aim = 0.95 if size >= DENSE else 0.0
    met = not false and found >= aim * begun
    row(f"events: synth, {size} measurements of 90 days", text, f"none false, {aim:.0%} found", met)
