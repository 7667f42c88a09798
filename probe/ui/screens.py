"""Write the screens as HTML pages that load only the style sheet and the script of this server.

Return the words around all screens in the user's language.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from probe.messages import language, printable, printable_lines, tr
from probe.run_page.run_page import page_style, text_direction
from probe.ui.interface import Interface
from probe.ui.interface_access import FORM


def frame_words() -> dict[str, str]:
    """Return the words of the head and the foot, by the names that the templates use."""
    return {
        "name": "censorprobe",
        "skip": tr("To the content"),
        "screens": tr("Screens"),
        "start": tr("Measure"),
        "running": tr("Run under way"),
        "history": tr("Earlier runs"),
        "settings": tr("Settings"),
        "only_here": tr("This page comes from your own computer. Only a run that you publish is uploaded."),
        "end": tr("End this program"),
    }


HERE = Path(__file__).parent
_CODE = re.compile(r"`([^`]+)`")
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_JINJA = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=lambda value: printable(value) if type(value) is str else value,
    trim_blocks=True,
)


def page(
    interface: Interface, template: str, title: str, *, status: int = 200, error: str = "", **values: Any
) -> web.Response:
    """Return a screen as a response. `error` is a sentence that stands above it."""
    used = language()
    html = _JINJA.get_template(f"{template}.html.jinja").render(
        title=title,
        error=error,
        screen=template,
        words=frame_words(),
        measures=interface.measures,
        form_name=FORM,
        form_token=interface.access.form,
        language=used,
        direction=text_direction(used),
        **values,
    )
    return response(html.encode(errors="replace"), "text/html", status=status)


def notice(title: str, sentence: str, *, status: int) -> web.Response:
    """Return a page with one sentence and nothing of the interface, for a request without access."""
    used = language()
    html = _JINJA.get_template("notice.html.jinja").render(
        title=title, sentence=sentence, language=used, direction=text_direction(used)
    )
    return response(html.encode(errors="replace"), "text/html", status=status)


def text_block(text: str) -> Markup:
    """Return a text of several lines, in which nothing is read as HTML."""
    return escape(printable_lines(text))


def with_code(text: str) -> Markup:
    """Return a sentence in which the words between backticks are code, as in a terminal's text."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(printable(text)))))  # escaped before  # nosec B704


_JINJA.filters["code"] = with_code


def response(body: bytes, kind: str, *, status: int = 200, file: str = "") -> web.Response:
    """Return a response that is not stored. With `file` a browser saves it under this name."""
    charset = "utf-8" if kind.startswith("text/") else None
    made = web.Response(body=body, status=status, content_type=kind, charset=charset)
    made.headers["Content-Security-Policy"] = POLICY
    made.headers["Cache-Control"] = "no-store"
    if file:
        made.headers["Content-Disposition"] = f'attachment; filename="{file}"'
    return made


def see(address: str) -> web.Response:
    """Return a response that leads to another screen, so that a reload does not repeat a form."""
    made = response(b"", "text/plain", status=303)
    made.headers["Location"] = address
    return made


@cache
def style() -> bytes:
    """Return the style sheet: that of the page of one run, and that of the screens."""
    return (page_style() + (HERE / "screens.css").read_text(encoding="utf-8")).encode()


@cache
def script() -> bytes:
    return (HERE / "running.js").read_bytes()
