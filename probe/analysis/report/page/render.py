"""Put the data of a page, its style and its scripts into one HTML file."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from probe.analysis.report.page.packed_rows import packed

HERE = Path(__file__).parent
STYLES = ("page", "cells", "pictures")  # A later one can override an earlier one.
# In the order of their use. All are read in one function, so that a later one can use an earlier one's names.
SCRIPTS = (
    *("elements", "fragment", "search", "filters", "sorting", "grid", "cell"),
    *("pictures", "map", "over_time", "timeline", "small_multiples", "mechanisms", "events"),
    *("cell_list", "csv", "parquet", "download", "print", "start"),
)


def render(data: dict[str, Any]) -> str:
    """Return the page as HTML."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined)
    style, script = page_style(), page_script()
    written = script_json(packed(data, ("cells", "verdicts")))
    own = {"style": Markup(style), "script": Markup(script), "json": Markup(written)}  # ours, or escaped  # nosec B704
    hashes = {"style_hash": Markup(_csp_hash(style)), "script_hash": Markup(_csp_hash(script))}  # base64  # nosec B704
    return environment.get_template("page.html.jinja").render(data=data, **own, **hashes)


def page_style() -> str:
    """Return the style sheets as one."""
    return "".join((HERE / f"{name}.css").read_text() for name in STYLES)


def page_script() -> str:
    """Return the scripts as one, which defines no global name."""
    parts = "".join((HERE / "scripts" / f"{name}.js").read_text() for name in SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}}})();\n'


def script_json(data: Any) -> str:
    """Return JSON for a script element: ASCII, without any character that could end the element."""
    written = json.dumps(data, allow_nan=False, separators=(",", ":"), ensure_ascii=True)
    return written.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _csp_hash(content: str) -> str:
    """Return the hash source of an inline element for the Content-Security-Policy (CSP 3, section 2.3.1)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"
