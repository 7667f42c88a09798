"""A score as text: a row per scenario, and the sentences beneath that say how near the aims are."""

from collections.abc import Iterable, Mapping, Sequence

from probe.lab.score import Tally
from probe.lab.scorefiles import Kind, Score

HEAD = ("scenario", "runs", "exact", "precision", "recall", "accused", "hop", "+-1", "seconds", "triggers", "kB sent")
MOST_SECONDS: Mapping[Kind, float] = {"standard": 60.0, "slow line": 180.0}  # that a run may take; in depth: any


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
    share = f" ({everything.exact / everything.verdicts:.2%})" if everything.verdicts else ""
    yield f"states exact: {everything.exact} of {everything.verdicts} verdicts{share}"
    yield f"look-alikes: {everything.accused} of {everything.innocent} verdicts accuse where nobody interferes"
    yield f"hops named where none can be known: {everything.invented}"
    for kind in ("standard", "slow line", "deep"):
        runs = [(count.seconds, name) for name, count in score.scenarios.items() if score.kinds.get(name) == kind]
        if runs:
            yield _slowest(kind, *max(runs))


def _slowest(kind: Kind, seconds: float, name: str) -> str:
    what = {"standard": "standard run", "slow line": "run on a slow line", "deep": "run in depth"}[kind]
    allowed = f", {MOST_SECONDS[kind]:.0f} s allowed" if kind in MOST_SECONDS else ""
    return f"slowest {what}: {seconds:.0f} s ({name}{allowed})"


def as_text(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows in columns, the first to the left and the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]


def as_markdown(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows as a Markdown table."""
    head, *others = [f"| {' | '.join(row)} |" for row in rows]
    return [head, "|---" + "|---:" * (len(rows[0]) - 1) + "|", *others]
