"""Print a score: a row per scenario, and the totals with their aims."""

from collections.abc import Iterable, Mapping, Sequence

from probe.lab.scoring.places import RIGHT, WRONG, counted, totals
from probe.lab.scoring.score import Tally
from probe.lab.scoring.score_files import Kind, Score
from probe.messages import tr

HEAD = ("scenario", "runs", "exact", "precision", "recall", "accused", "hop", "+-1", "seconds", "triggers", "kB sent")
MOST_SECONDS: Mapping[Kind, float] = {"standard": 60.0, "slow line": 180.0}  # time limit of a run, none for deep runs
KINDS: Mapping[Kind, str] = {"standard": "standard run", "slow line": "run on a slow line", "deep": "run in depth"}
AIM_EXACT, AIM_PRECISION, AIM_RECALL, AIM_HOPS = 0.99, 0.98, 0.95, 0.95  # shares, at least
AIM_PLACES, MOST_WRONG_PLACES = 0.90, 0.03  # of accusing verdicts: right hops, and wrong ones among the hops named
AIM_UNCENSORED = 2000  # least number of verdicts on look-alikes, of which none may accuse


def table(by_scenario: Mapping[str, Tally]) -> list[tuple[str, ...]]:
    """Return the head, a row per scenario, and one for all of them."""
    return [HEAD, *(_row(name, count) for name, count in by_scenario.items()), _row("all", total(by_scenario))]


def total(by_scenario: Mapping[str, Tally]) -> Tally:
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
        f"{count.accused}/{count.uncensored}",
        f"{count.hops_exact}/{known}" if known else "-",
        f"{count.hops_near}/{known}" if known else "-",
        f"{count.seconds:.0f}",
        str(count.triggers),
        f"{count.bytes_sent / 1000:.0f}",
    )


def sentences(score: Score) -> Iterable[str]:
    """Yield sentences on the commit, exact states, look-alikes, invented hops and the slowest runs."""
    everything = total(score.scenarios)
    yield tr(
        "commit {commit}, version {version}, {runs} runs",
        commit=score.commit or "unknown",
        version=score.software_version,
        runs=everything.runs,
    )
    yield tr(
        "states exact: {exact} of {verdicts} verdicts ({share})",
        exact=everything.exact,
        verdicts=everything.verdicts,
        share=_percent(everything.exact, everything.verdicts),
    )
    yield tr(
        "look-alikes: {accused} of {verdicts} verdicts accuse a network without interference",
        accused=everything.accused,
        verdicts=everything.uncensored,
    )
    yield tr("hops named where none can be known: {count}", count=everything.invented)
    yield from _sentences_on_places(everything)
    for kind, (seconds, name) in slowest(score).items():
        yield _slowest_sentence(kind, seconds, name)


def _sentences_on_places(everything: Tally) -> Iterable[str]:
    known, placeless = totals(everything.places)
    if verdicts := sum(known.values()):
        right, wrong = known.get(RIGHT, 0), known.get(WRONG, 0)
        yield tr(
            "accusing verdicts under a censor: {right} of {verdicts} have the right hop ({share}), {wrong} a wrong one",
            right=right,
            verdicts=verdicts,
            share=_percent(right, verdicts),
            wrong=wrong,
        )
        yield tr("without a hop: {reasons}", reasons=counted(known, without=(RIGHT, WRONG)) or tr("none"))
    if placeless:
        yield tr("verdicts whose interference shows no place: {reasons}", reasons=counted(placeless))


def _slowest_sentence(kind: Kind, seconds: float, name: str) -> str:
    values = {"kind": KINDS[kind], "seconds": round(seconds), "name": name}
    if kind not in MOST_SECONDS:
        return tr("slowest {kind}: {seconds} s ({name})", **values)
    return tr("slowest {kind}: {seconds} s ({name}, limit {limit} s)", limit=round(MOST_SECONDS[kind]), **values)


def slowest(score: Score) -> dict[Kind, tuple[float, str]]:
    """Return seconds and scenario of the slowest run of each kind."""
    runs = {
        kind: [(count.seconds, name) for name, count in score.scenarios.items() if score.kinds.get(name) == kind]
        for kind in KINDS
    }
    return {kind: max(found) for kind, found in runs.items() if found}


def against_aims(score: Score) -> list[tuple[str, ...]]:
    every = total(score.scenarios)
    known = every.hops + every.unlocated
    rows = [
        _aim("states exact", every.exact, every.verdicts, AIM_EXACT),
        (
            "look-alikes accused",
            f"{every.accused} of {every.uncensored}",
            _met(f"none in at least {AIM_UNCENSORED}", not every.accused and every.uncensored >= AIM_UNCENSORED),
        ),
        _aim_of_mechanisms("precision", every.precision, AIM_PRECISION),
        _aim_of_mechanisms("recall", every.recall, AIM_RECALL),
        _aim("hops exact, where one can be known", every.hops_exact, known, AIM_HOPS),
        ("hops within one", f"{every.hops_near} of {known}", ""),
        ("hops named where none can be known", str(every.invented), _met("none", not every.invented)),
    ]
    rows += _places_with_aims(every)
    if every.networks:
        rows.append(_aim("regimes exact", every.networks_exact, every.networks, AIM_EXACT))
    for kind, (seconds, name) in slowest(score).items():
        most = MOST_SECONDS.get(kind)
        aim = "" if most is None else _met(f"at most {most:.0f} s", seconds <= most)
        rows.append((f"slowest {KINDS[kind]}", f"{seconds:.0f} s ({name})", aim))
    seeds = {seed for count in score.scenarios.values() for seed in count.seeds}
    counts = (("scenario", len(score.scenarios)), ("seed", len(seeds)), ("run", every.runs))
    scope = ", ".join(f"{count} {what}{'' if count == 1 else 's'}" for what, count in counts)
    scope = f"{scope}, commit {score.commit or 'unknown'}"
    return [(scope, "figure", "aim"), *rows]


def _places_with_aims(every: Tally) -> list[tuple[str, str, str]]:
    known, _ = totals(every.places)
    right, wrong, verdicts = known.get(RIGHT, 0), known.get(WRONG, 0), sum(known.values())
    if not verdicts:
        return []
    return [
        _aim("accusing verdicts under a censor with the right hop", right, verdicts, AIM_PLACES),
        (
            "wrong hops among those named",
            f"{wrong} of {right + wrong}",
            _met(f"at most {MOST_WRONG_PLACES:.0%}", wrong <= MOST_WRONG_PLACES * (right + wrong)),
        ),
    ]


def _aim(what: str, right: int, n: int, least: float) -> tuple[str, str, str]:
    share = right / n if n else 1.0
    return what, f"{right} of {n} ({_percent(right, n)})", _met(f"at least {least:.0%}", share >= least)


def _percent(right: int, n: int) -> str:
    """Return a percentage, rounded down so that only all is 100 %."""
    hundredths = 10_000 * right // n if n else 10_000
    return f"{hundredths // 100}.{hundredths % 100:02}%"


def _aim_of_mechanisms(what: str, found: float, least: float) -> tuple[str, str, str]:
    return f"mechanisms' {what}, ancestors counted", f"{found:.4f}", _met(f"at least {least:.2f}", found >= least)


def _met(aim: str, met: bool) -> str:
    return aim if met else f"{aim}: **missed**"


def as_text(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the rows as columns, the first left-aligned and the others right-aligned."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]


def as_markdown(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the rows as a Markdown table."""
    head, *others = [f"| {' | '.join(row)} |" for row in rows]
    return [head, "|---" + "|---:" * (len(rows[0]) - 1) + "|", *others]
