"""Open a WebRTC call at a helper with our own protocol (`POST /v1/webrtc`). No address is in the question."""

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp

from probe.control.http_client import TROUBLE, Nonsense, bounded_body, named, open_session, read_object
from probe.formats import failures as f
from probe.session.classify import LocalFailure, RemoteError
from probe.steps.tls.certificates import Roots

SECONDS = 10.0
NO_PLACE = frozenset({429, 503})


async def open_call(
    base_url: str,
    question: Mapping[str, Any],
    *,
    roots: Roots,
    pin: str | None,
    segment_sizes: Mapping[int, int],
    seconds: float = SECONDS,
) -> Mapping[str, Any]:
    """Send the caller's side of a call, and return the helper's. Both are objects as `webrtc_call` describes them.

    Raises RemoteError, and LocalFailure if the helper has no place for a call.
    """
    try:
        async with asyncio.timeout(seconds), open_session(roots, pin, segment_sizes) as session:
            return await _answer(session, base_url.rstrip("/") + "/v1/webrtc", question)
    except LocalFailure:
        raise
    except TROUBLE as error:
        raise RemoteError(named(error)) from error


async def _answer(session: aiohttp.ClientSession, url: str, question: Mapping[str, Any]) -> Mapping[str, Any]:
    async with session.post(url, json=question, allow_redirects=False) as response:
        if response.status in NO_PLACE:
            raise LocalFailure(f.HELPER_BUSY)
        if response.status != 200:
            raise Nonsense(f"status {response.status}")
        return read_object(await bounded_body(response))
