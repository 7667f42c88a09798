"""Say in sentences what a dataset card must say: what the data are, what was left out, privacy, limits and uses."""

from typing import Any

from probe.analysis.compare.current import LEAST
from probe.analysis.report.markdown import code, escaped
from probe.analysis.store.licences import OF_OONI, OF_OURS, licences_of
from probe.messages import tr, tr_plural

MOST_REASONS = 10


def kind(facts: dict[str, Any]) -> str:
    """Return what all measurements are, for the title."""
    totals = facts["totals"]
    if totals["synthetic"] == totals["measurements"]:
        return tr("Synthetic measurements")
    if totals["lab"] == totals["measurements"]:
        return tr("Measurements of an emulated Internet")
    return tr("Network interference measurements")


def some_real(facts: dict[str, Any]) -> bool:
    """Return True if a measurement was made on a real network."""
    totals = facts["totals"]
    return bool(totals["lab"] + totals["synthetic"] < totals["measurements"])


def summary(facts: dict[str, Any]) -> list[str]:
    """Return the first paragraphs. What is artificial comes first."""
    totals = facts["totals"]
    return [
        *_artificial(totals),
        tr(
            "Each measurement tests one service, name or address from a user's network with the service's own "
            "protocol. A verdict says whether the service works there, and if not, how it is blocked and by what "
            "evidence. Measurements: {measurements}. Valid: {valid}.",
            measurements=totals["measurements"],
            valid=totals["valid"],
        ),
    ]


def _artificial(totals: dict[str, int]) -> list[str]:
    lab = tr_plural(
        "**{count} measurement was made inside an emulated Internet. It says nothing about a real network.**",
        "**{count} measurements were made inside an emulated Internet. They say nothing about a real network.**",
        totals["lab"],
    )
    synthetic = tr_plural(
        "**{count} measurement is synthetic. It was invented by a program and says nothing about a real network.**",
        "**{count} measurements are synthetic. They were invented by a program and say nothing about a real network.**",
        totals["synthetic"],
    )
    return [text for text, count in ((lab, totals["lab"]), (synthetic, totals["synthetic"])) if count]


def structure() -> str:
    """Return the paragraph about formats."""
    return tr(
        "Measurements are JSON lines in OONI's format (df-000) with fields of censorprobe, or the tables "
        "`measurements`, `observations` and `verdicts` as Parquet, CSV, JSON lines or SQLite."
    )


def collection(facts: dict[str, Any]) -> list[str]:
    """Return the paragraphs about the programs that measured, and about the users."""
    programs = [
        tr(
            "{name} {version}: {count} measurements.",
            name=code(row["software_name"]),
            version=code(row["software_version"]),
            count=row["measurements"],
        )
        for row in facts["citation"]["measured_by"]
    ]
    return [*programs, *(_users() if some_real(facts) else [])]


def _users() -> list[str]:
    return [
        tr("Users ran these programs by their own decision. No sample was drawn."),
        tr("Country and network come from the user's public address at the time, or from the user."),
    ]


def left_out(facts: dict[str, Any]) -> list[str]:
    """Return what is not in the data, and what is in them and does not count."""
    totals, cited = facts["totals"], facts["citation"]
    rejected = [
        tr("Not usable, {count} lines: {reason}", count=row["lines"], reason=escaped(tr(row["reason"])))
        for row in facts["rejected"][:MOST_REASONS]
    ]
    further = sum(row["lines"] for row in facts["rejected"][MOST_REASONS:])
    invalid = [
        tr("Invalid, {count} measurements: {reason}.", count=row["measurements"], reason=code(row["reason"]))
        for row in facts["invalid"]
    ]
    return [
        tr(
            "Lines read: {lines}. Input files: {files}. A measurement that occurs twice counts once.",
            lines=sum(file["lines"] for file in cited["inputs"]),
            files=len(cited["inputs"]),
        ),
        *rejected,
        tr("Not usable for other reasons: {count} lines.", count=further) if further else "",
        *invalid,
        tr("Without a verdict, because no rule covers them: {count}.", count=totals["without_verdict"])
        if totals["without_verdict"]
        else "",
        tr("Invalid measurements are in the data. They accuse nothing and prove nothing.") if invalid else "",
    ]


def privacy(facts: dict[str, Any]) -> list[str]:
    """Return what was removed, what remains, and how many networks have a single run."""
    lonely = sum(row["runs"] == 1 for row in facts["networks"]) if some_real(facts) else 0
    licences = licences_of(row["software_name"] for row in facts["citation"]["measured_by"])
    ours = [
        tr(
            "censorprobe removes addresses, host names, user names and folders of the user before it writes a file. "
            "Texts and bytes of servers that may contain an address are replaced by their class and length."
        ),
        tr(
            "What remains can help to identify a user. It includes network, country, time, addresses of near servers "
            "and distant routers, round trips and versions of programs. docs/privacy.md lists it."
        ),
    ]
    theirs = tr("OONI redacted its measurements by its own rules: https://ooni.org/about/data-policy/")
    return [
        *(ours if OF_OURS in licences else []),
        theirs if OF_OONI in licences else "",
        tr("Networks with a single run: {count}. A single user measured each of them.", count=lonely) if lonely else "",
        tr("This card names no input file, because a name can tell who made it."),
    ]


def limits(facts: dict[str, Any]) -> list[str]:
    """Return what the data cannot show."""
    licences = licences_of(row["software_name"] for row in facts["citation"]["measured_by"])
    return [
        tr("Countries, networks and days are no random sample. A number of measurements is no share of a population."),
        tr("Runs are an upper limit for the number of users, since one user can make many."),
        tr("Fewer than {least} runs do not describe a network.", least=LEAST),
        tr("`insufficient`, invalid measurements and gaps are no evidence, in either direction."),
        tr("Another ruleset can give other verdicts from the same measurements."),
        tr(
            "Times are those of the user's computer. Days are corrected by the clock error that a record states. "
            "A clock that is wrong by over a day makes a run invalid."
        ),
        tr("OONI's measurements record less evidence, so more of their verdicts are `insufficient`.")
        if OF_OONI in licences
        else "",
    ]


def uses() -> list[str]:
    """Return what the data are for, and what they are not for."""
    return [
        tr("For: which services work where and when, how they are blocked, and with what evidence."),
        tr("Not for: ranking countries, finding users, or statements about networks that were not measured."),
    ]


def about(facts: dict[str, Any]) -> str:
    """Return what made the card, and what its publisher must add."""
    return tr(
        "Made by `probe cite --card` of censorprobe {version}. The publisher adds names, an address, and what was "
        "removed before.",
        version=facts["citation"]["software"]["censorprobe"],
    )
