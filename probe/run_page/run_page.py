"""Put the data of a run and the style into one HTML file that sends no request and needs no script.

Return the headings and labels of the page in the user's language.
"""

import base64
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from probe.messages import is_right_to_left, language, printable, review_notice, tr
from probe.messages.directions import has_right_to_left, latin_isolated
from probe.run_page.run_facts import ShownRun
from probe.run_page.run_page_data import page_data


def labels() -> dict[str, str]:
    """Return the labels by the names that the templates use."""
    return {
        "title": tr("What this run found"),
        "apps": tr("Apps, the worst first"),
        "addresses": tr("Web addresses, the worst first"),
        "evidence": tr("Meaning, evidence"),
        "technical": tr("Technical:"),
        "comma": tr(", "),
        "path": tr("Where on the path"),
        "calls": tr("Test calls"),
        "throughput": tr("Speed of compared transfers"),
        "time_line": tr("What was tried when"),
        "time_line_help": tr(
            "A circle is an attempt that worked. A cross is an attempt that failed. Attempts to find the cause, and "
            "attempts with other names, are among them. Below are the seconds since the first attempt."
        ),
        "advice": tr("What can I do?"),
        "limits": tr("What this page does not say"),
        "limits_text": tr(
            "A run shows one network at one time. Another network, another time or another device can give another "
            "result. This page sends nothing, and it needs no network."
        ),
        "warning": tr("This page names your network and the time of the run. Think about it before you give it away."),
    }


HERE = Path(__file__).parent
STYLES = ("page", "cards", "pictures")
LONGEST_TEXT = 2000  # characters of one text of a measurement


def run_page(run: ShownRun) -> str:
    """Return the page of a run as HTML."""
    style, used = page_style(), language()
    own = {"style": Markup(style), "style_hash": Markup(csp_hash(style))}  # ours, base64  # nosec B704
    return _rendered(
        "page.html.jinja", run, language=used, direction=text_direction(used), notice=review_notice(), **own
    )


def run_content(run: ShownRun) -> Markup:
    """Return what the page of a run says, without its frame. It needs the style of `page_style`."""
    return Markup(_rendered("content.html.jinja", run, notice=()))  # autoescaped  # nosec B704


def text_direction(used: str) -> str:
    """Return the direction of a language as HTML names it."""
    return "rtl" if is_right_to_left(used) else "ltr"


def _rendered(template: str, run: ShownRun, **values: Any) -> str:
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, finalize=shown_text, trim_blocks=True
    )
    return environment.get_template(template).render(page=page_data(run), labels=labels(), **values)


def page_style() -> str:
    """Return the style sheets as one."""
    return "".join((HERE / f"{name}.css").read_text(encoding="utf-8") for name in STYLES)


def shown_text(value: Any) -> Any:
    """Return a value as it is written: control characters as escapes, a very long text cut off.

    In a sentence that is written from right to left, names, addresses and commands keep their own direction.
    """
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    text = printable(value)
    shown = text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"
    return latin_isolated(shown) if is_right_to_left(language()) and has_right_to_left(shown) else shown


def csp_hash(content: str) -> str:
    """Return the hash source of an inline element for the Content-Security-Policy (CSP 3, section 2.3.1)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"
