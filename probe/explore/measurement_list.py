"""List the verdicts that meet some conditions, with a link to the evidence of each measurement."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from probe.messages import tr

_JINJA = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


def list_part(rows: Iterable[Mapping[str, Any]], own: list[tuple[str, str]], more: str) -> str:
    """Return the rows as a part of a page. `own` has the pairs of every link, `more` is the link to further rows."""
    template = _JINJA.get_template("measurement_list.html.jinja")
    return template.render(rows=list(rows), own=own, more=more, tr=tr)
