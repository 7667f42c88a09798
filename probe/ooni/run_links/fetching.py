"""Fetch the descriptor of a link with one request. No redirect is followed, so no other host is contacted."""

import asyncio

from probe.messages import tr
from probe.ooni.run_links.descriptor import DescriptorError
from probe.ooni.run_links.links import Link
from probe.ooni.submission.client import Lost, open_client
from probe.targets.url_lists import LONGEST_LIST

SECONDS = 30.0  # of the whole request


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
