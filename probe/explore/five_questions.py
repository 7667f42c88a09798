"""Offer the five usual questions of analysts as forms, whose choices are what the store has."""

from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from probe.analysis.compare.axes import REAL
from probe.analysis.compare.compare import REASONS, WORDS
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.rules.rule import State
from probe.asn.network_names import network_name
from probe.countries.country_names import country_name
from probe.local_server.request_origin import TOKEN
from probe.messages import mark, tr

MOST_CHOICES = 300  # of one list, those with most measurements
_JINJA = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


class Facet(NamedTuple):
    """Hold what the measurements are counted by: a column, the parameter of a question, and its title."""

    column: str
    name: str
    title: str


SERVICE = Facet("service", "service", mark("Service"))
COUNTRY = Facet("probe_cc", "cc", mark("Country"))
NETWORK = Facet("probe_asn", "asn", mark("Network"))
STATE = Facet("state", "state", mark("State"))
FACETS = (SERVICE, COUNTRY, NETWORK, STATE)


class Form(NamedTuple):
    """Hold one question: the address that answers it, what it always asks, and the facets that the reader chooses.

    A facet of a comparison is a value of the parameter `only`. `baseline` is a facet that the others are compared with.
    """

    sentence: str
    action: str
    fixed: tuple[tuple[str, str], ...]
    facets: tuple[Facet, ...]
    baseline: Facet | None = None


FORMS = (
    Form(mark("What is blocked in a country now?"), "/", (("by", "cc,asn"),), (COUNTRY,)),
    Form(mark("Where is a service blocked?"), "/", (("by", "cc"),), (SERVICE,)),
    Form(mark("Since when is a service blocked, and on which networks?"), "/", (("by", "cc,asn"),), (SERVICE, COUNTRY)),
    Form(mark("Is it the network, or does the service fail elsewhere too?"), "/", (("by", "cc"),), (SERVICE,), COUNTRY),
    Form(mark("Which measurements show it?"), "/measurements", (), (SERVICE, COUNTRY, STATE)),
)


def questions_part(folder: Path, lab: bool, token: str) -> str:
    """Return the forms and the facets as a part of a page. Raises StoreError."""
    table = VerdictTable.of_stores([folder])
    counted = {facet.name: _counted(table, facet, lab) for facet in FACETS}
    pairs = [*([(TOKEN, token)] if token else []), *([("lab", "true")] if lab else [])]
    template = _JINJA.get_template("five_questions.html.jinja")
    return template.render(forms=FORMS, facets=FACETS, counted=counted, pairs=pairs, token=token, tr=tr)


def _counted(table: VerdictTable, facet: Facet, lab: bool) -> list[tuple[str, str, int]]:
    """Return the values of a facet with their names and numbers of verdicts, the most frequent first."""
    rows = table.select(
        f"SELECT {facet.column}, COUNT(*) FROM verdicts WHERE {facet.column} <> '' AND {'1 = 1' if lab else REAL} "
        f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {MOST_CHOICES}"
    )
    return [(value, _named(facet, value), n) for value, n in rows]


def _named(facet: Facet, value: str) -> str:
    """Return a value with the name that readers know."""
    if facet is STATE:
        return tr({**WORDS, **REASONS}.get(value, value)) if value in {*State} else value
    name = country_name(value) if facet is COUNTRY else network_name(value) if facet is NETWORK else ""
    return f"{value} {name}" if name and name != value else value
