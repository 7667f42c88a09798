"""Add the form of the question to the page, and make the pages that have one sentence."""

import base64
import hashlib
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from probe.explore.api_endpoints import API
from probe.explore.parameters import Format, PageParameters
from probe.local_server.request_origin import TOKEN

HERE = Path(__file__).parent
_JINJA = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined)
_STYLE = (HERE / "notice.css").read_text()
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
NOTICE_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src data:; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_NO_FORM, _OWN_FORM = "form-action 'none'", "form-action 'self'"
_FIELDS = (
    ("by", "Vantage points", "cc,asn"),
    ("only", "Only", "cc=IR,asn=AS64500"),
    ("baseline", "Baseline", "cc=DE"),
    ("since", "Since (UTC)", "2026-11-24"),
    ("until", "Until, exclusive (UTC)", "2026-11-25"),
)


def with_form(page: str, asked: PageParameters, token: str) -> str:
    """Return the page with a form that asks another question. The page's policy then allows a form to this server."""
    head, main, rest = page.partition("<main")
    if not main or _NO_FORM not in head:
        raise ValueError("the page has no main element or no policy for forms")
    attributes, _, body = rest.partition(">")
    linked = f"{main}{attributes} data-measurements>"  # the page then links to the evidence of measurements
    return "".join((head.replace(_NO_FORM, _OWN_FORM, 1), linked, form(asked, token), body))


def form(asked: PageParameters, token: str, *, links: bool = True) -> Markup:
    """Return the form with the present question, and links to the API's answer."""
    values = {**asked.model_dump(), "only": ",".join(asked.only)}
    fields = [
        {"name": name, "label": label, "example": example, "value": values[name] or ""}
        for name, label, example in _FIELDS
    ]
    template = _JINJA.get_template("question_form.html.jinja")
    addresses = _links(asked, token) if links else []
    own = _own(token)
    description = f"{API}/openapi.json?{urlencode(own)}"
    narrowing = _words(asked.model_dump(exclude_defaults=True, include={"only", "since", "until", "lab"}))
    feeds = urlencode({**own, **narrowing}, doseq=True)
    return Markup(  # autoescaped  # nosec B704
        template.render(
            token=token,
            fields=fields,
            lab=asked.lab,
            links=addresses,
            description=description,
            feeds=feeds,
            questions=urlencode({**own, **({"lab": "true"} if asked.lab else {})}),
        )
    )


def _links(asked: PageParameters, token: str) -> list[tuple[str, str]]:
    """Return a name and an address for each format, with the question of the page."""
    question = asked.model_dump(exclude_defaults=True, exclude={"top"}) | {"top": asked.top}
    pairs = urlencode({**_own(token), **_words(question)}, doseq=True)
    names = {Format.CSV: "CSV", Format.JSON: "JSON", Format.PARQUET: "Parquet"}
    return [(name, f"{API}/cells?{pairs}&format={form.value}") for form, name in names.items()]


def _own(token: str) -> dict[str, object]:
    """Return the parameter with the token, none in hosted mode."""
    return {TOKEN: token} if token else {}


def _words(question: dict[str, object]) -> dict[str, object]:
    return {name: "true" if value is True else value for name, value in question.items()}


def notice(title: str, sentence: str, *, below: Markup | str = "", again: bool = False) -> str:
    """Return a page with one sentence. With `again` the browser loads it again in a second."""
    template = _JINJA.get_template("notice.html.jinja")
    return template.render(title=title, sentence=sentence, form=below, again=again, style=Markup(_STYLE))  # ours  # nosec B704
