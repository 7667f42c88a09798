"""Recognise OONI Run v2 links, and name the address of their descriptor.

Domain, API and request are those of OONI's app at 7dea3945. The other forms of links are from section 5 of OONI's
specification at e8aafe45 and from probe-cli at 7cb22410. Sources, opened 2026-11-28:
https://github.com/ooni/probe-multiplatform/blob/7dea3945f65df82e62a8d5d1692aaf1b484e7d5d/composeApp/src/commonMain/release/kotlin/org/ooni/probe/config/BuildTypeDefaults.kt
https://github.com/ooni/probe-multiplatform/blob/7dea3945f65df82e62a8d5d1692aaf1b484e7d5d/composeApp/src/commonMain/kotlin/org/ooni/probe/domain/descriptors/FetchDescriptor.kt
https://github.com/ooni/spec/blob/e8aafe45d5bd15a371a08dfbeb0dc557e1622d04/backends/bk-005-ooni-run-v2.md
https://github.com/ooni/probe-cli/blob/7cb22410c98db6dbc801887d93b65c8a5318ad07/internal/oonirun/link.go

Fetch the descriptor of a link with one request. No redirect is followed, so no other host is contacted.
"""

import asyncio
import re
from typing import NamedTuple

from probe.messages import tr
from probe.ooni.run_links.descriptor import DescriptorError
from probe.ooni.submission.submission_client import Lost, open_client
from probe.targets.url_lists import LONGEST_LIST

SECONDS = 30.0  # of the whole request


API = "https://api.ooni.org"
_ID = r"(?P<id>[0-9]{1,20})"
_FORMS = (
    re.compile(rf"https://run\.ooni\.(?:org|io)/(?:v2/)?{_ID}/?(?:[?#].*)?"),
    re.compile(rf"ooni://runv2/{_ID}/?(?:[?#].*)?"),
    re.compile(
        rf"https://api\.ooni\.(?:org|io)/api/v2/oonirun/links/{_ID}"
        r"(?:/(?:full|engine)-descriptor/(?P<revision>latest|[0-9]{1,9}))?/?"
    ),
)
_EARLIER = re.compile(r"(?:https://run\.ooni\.io|ooni:/)/nettest\b.*")


class Link(NamedTuple):
    """Hold the id of a link, and the revision of its descriptor ("" for the newest)."""

    id: str
    revision: str = ""

    @property
    def path(self) -> str:
        path = f"/api/v2/oonirun/links/{self.id}"
        return f"{path}/full-descriptor/{self.revision}" if self.revision else path


def is_link(text: str) -> bool:
    """Return whether a text is meant as a link and not as the name of a file."""
    return "://" in text


def parse_link(text: str) -> Link:
    """Return the link that an address stands for. Raise DescriptorError."""
    for form in _FORMS:
        if found := form.fullmatch(text):
            revision = found.groupdict().get("revision") or ""
            return Link(found["id"], "" if revision == "latest" else revision)
    if _EARLIER.fullmatch(text):
        raise DescriptorError(tr("This is a link of the first OONI Run. Only links of OONI Run v2 are understood."))
    raise DescriptorError(
        tr(
            "{url} is no link of OONI Run. Use https://run.ooni.org/v2/NUMBER, or save the descriptor in a file.",
            url=repr(text),
        )
    )


async def fetch_descriptor(link: Link, server: str) -> bytes:
    """Return the answer of the API. Raise DescriptorError with the reason if there is none."""
    try:
        async with asyncio.timeout(SECONDS), open_client(server) as client:
            answer = await client.get(link.path, LONGEST_LIST + 1)
    except TimeoutError:
        raise DescriptorError(_failed(link, tr("no answer within {seconds} s", seconds=round(SECONDS)))) from None
    if isinstance(answer, Lost):
        raise DescriptorError(_failed(link, answer.reason))
    if answer.status == 404:
        raise DescriptorError(tr("OONI has no link with the number {number}.", number=link.id))
    if answer.status != 200:
        raise DescriptorError(_failed(link, tr("the server answers {status}", status=answer.status)))
    return answer.body


def _failed(link: Link, reason: str) -> str:
    return tr("The link {number} cannot be fetched ({reason}).", number=link.id, reason=reason)
