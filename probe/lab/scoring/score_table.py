"""A score as text: a row per scenario, and the sentences beneath that say how near the aims are."""

from collections.abc import Iterable, Mapping, Sequence

from probe.lab.scoring.score import Tally
from probe.lab.scoring.score_files import Kind, Score

HEAD = ("scenario", "runs", "exact", "precision", "recall", "accused", "hop", "+-1", "seconds", "triggers", "kB sent")
MOST_SECONDS: Mapping[Kind, float] = {"standard": 60.0, "slow line": 180.0}  # that a run may take; in depth: any
KINDS: Mapping[Kind, str] = {"standard": "standard run", "slow line": "run on a slow line", "deep": "run in depth"}
AIM_EXACT, AIM_PRECISION, AIM_RECALL, AIM_HOPS = 0.99, 0.98, 0.95, 0.95  # shares, at least
AIM_INNOCENT = 2000  # verdicts on look-alikes, at least, and none of them accuses


def table(by_scenario: Mapping[str, Tally]) -> list[tuple[str, ...]]:
    """A row per scenario and one for all of them, the head first."""
    return [HEAD, *(_row(name, count) for name, count in by_scenario.items()), _row("all", whole(by_scenario))]


def whole(by_scenario: Mapping[str, Tally]) -> Tally:
    """The counts of all scenarios together."""
    together = Tally()
    for count in by_scenario.values():
        together += count
    return together


def _row(name: str, count: Tally) -> tuple[str, ...]:
    known = count.hops + count.unlocated
    return (
        name,
        str(count.runs),
        f"{count.exact}/{count.verdicts}",
        f"{count.precision:.3f}",
        f"{count.recall:.3f}",
        f"{count.accused}/{count.innocent}",
        f"{count.hops_exact}/{known}" if known else "-",
        f"{count.hops_near}/{known}" if known else "-",
        f"{count.seconds:.0f}",
        str(count.triggers),
        f"{count.bytes_sent / 1000:.0f}",
    )


def sentences(score: Score) -> Iterable[str]:
    """What the table's columns do not show by themselves: the commit, the look-alikes, the slowest runs, false hops."""
    everything = whole(score.scenarios)
    yield f"commit {score.commit or 'unknown'}, version {score.software_version}, {everything.runs} runs"
    share = f" ({_percent(everything.exact, everything.verdicts)})" if everything.verdicts else ""
    yield f"states exact: {everything.exact} of {everything.verdicts} verdicts{share}"
    yield f"look-alikes: {everything.accused} of {everything.innocent} verdicts accuse where nobody interferes"
    yield f"hops named where none can be known: {everything.invented}"
    for kind, (seconds, name) in slowest(score).items():
        allowed = f", {MOST_SECONDS[kind]:.0f} s allowed" if kind in MOST_SECONDS else ""
        yield f"slowest {KINDS[kind]}: {seconds:.0f} s ({name}{allowed})"


def slowest(score: Score) -> dict[Kind, tuple[float, str]]:
    """Of every kind of run that there was: seconds and scenario of the slowest."""
    runs = {
        kind: [(count.seconds, name) for name, count in score.scenarios.items() if score.kinds.get(name) == kind]
        for kind in KINDS
    }
    return {kind: max(found) for kind, found in runs.items() if found}


def against_aims(score: Score) -> list[tuple[str, ...]]:
    """What the whole came to beside what it should come to, the head first."""
    every = whole(score.scenarios)
    known = every.hops + every.unlocated
    rows = [
        _aim("states exact", every.exact, every.verdicts, AIM_EXACT),
        (
            "look-alikes accused",
            f"{every.accused} of {every.innocent}",
            _met(f"none in at least {AIM_INNOCENT}", not every.accused and every.innocent >= AIM_INNOCENT),
        ),
        _aim_of_mechanisms("precision", every.precision, AIM_PRECISION),
        _aim_of_mechanisms("recall", every.recall, AIM_RECALL),
        _aim("hops exact, where one can be known", every.hops_exact, known, AIM_HOPS),
        ("hops within one", f"{every.hops_near} of {known}", ""),
        ("hops named where none can be known", str(every.invented), _met("none", not every.invented)),
    ]
    for kind, (seconds, name) in slowest(score).items():
        most = MOST_SECONDS.get(kind)
        aim = "" if most is None else _met(f"at most {most:.0f} s", seconds <= most)
        rows.append((f"slowest {KINDS[kind]}", f"{seconds:.0f} s ({name})", aim))
    seeds = {seed for count in score.scenarios.values() for seed in count.seeds}
    scope = (
        f"{len(score.scenarios)} scenarios, {len(seeds)} seeds, {every.runs} runs, commit {score.commit or 'unknown'}"
    )
    return [(scope, "figure", "aim"), *rows]


def _aim(what: str, right: int, n: int, least: float) -> tuple[str, str, str]:
    share = right / n if n else 1.0
    return what, f"{right} of {n} ({_percent(right, n)})", _met(f"at least {least:.0%}", share >= least)


def _percent(right: int, n: int) -> str:
    """Rounded down: what is not all is not 100 %."""
    hundredths = 10_000 * right // n if n else 10_000
    return f"{hundredths // 100}.{hundredths % 100:02}%"


def _aim_of_mechanisms(what: str, found: float, least: float) -> tuple[str, str, str]:
    return f"mechanisms' {what}, ancestors counted", f"{found:.4f}", _met(f"at least {least:.2f}", found >= least)


def _met(aim: str, met: bool) -> str:
    return aim if met else f"{aim}: **missed**"


def as_text(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows in columns, the first to the left and the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]


def as_markdown(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows as a Markdown table."""
    head, *others = [f"| {' | '.join(row)} |" for row in rows]
    return [head, "|---" + "|---:" * (len(rows[0]) - 1) + "|", *others]
