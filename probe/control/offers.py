"""Read what our helper offers in an answer: its echo, media flows and calls. The answer is untrusted."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeGuard
from urllib.parse import urlsplit

from probe.followups.helper_offer import TOKEN_BYTES, CallOffer, CallOffers, EchoOffer, MediaOffer, TransferOffer
from probe.formats.call_kinds import CallProtocol
from probe.signatures.evidence_age import CALL_TOKEN, ECHO_TOKEN, MEDIA_TOKEN, TRANSFER_TOKEN, AgeLimit
from probe.steps.calls.webrtc_call import Signal
from probe.targets.target import is_address

MOST_ECHO_PORTS = 16
Renew = Callable[[], Awaitable[CallOffers]]


def echo_offer(answer: Mapping[str, Any], base_url: str, resolved: list[str]) -> EchoOffer | None:
    """Return the checked echo offer of the answer, or None if there is none or it breaks the protocol."""
    echo = answer.get("echo")
    token, ports = (echo.get("token"), echo.get("ports")) if isinstance(echo, dict) else (None, None)
    if not _is_token(token):
        return None
    if not isinstance(ports, list) or not 0 < len(ports) <= MOST_ECHO_PORTS or not all(map(_is_port, ports)):
        return None
    return EchoOffer(bytes.fromhex(token), tuple(ports), _addresses(base_url, resolved), _until(ECHO_TOKEN))


def media_offer(answer: Mapping[str, Any], base_url: str, resolved: list[str]) -> MediaOffer | None:
    """Return the checked offer of media flows, or None if there is none or it breaks the protocol.

    A helper that names no shapes is older than those of WhatsApp and Telegram, and reflects that of WebRTC alone.
    """
    media = answer.get("media")
    if not isinstance(media, dict):
        return None
    found, shapes = _of_one_port(media), media.get("shapes", ["rtp"])
    if found is None or not isinstance(shapes, list) or not all(isinstance(shape, str) for shape in shapes):
        return None
    return MediaOffer(*found, _addresses(base_url, resolved), _until(MEDIA_TOKEN), tuple(shapes))


def transfer_offer(answer: Mapping[str, Any], base_url: str, resolved: list[str]) -> TransferOffer | None:
    """Return the checked offer of transfers, or None if there is none or it breaks the protocol."""
    offer = answer.get("transfer")
    found = _of_one_port(offer)
    sha256 = offer.get("sha256") if isinstance(offer, dict) else None
    if found is None or not isinstance(sha256, str) or not re.fullmatch("[0-9a-f]{64}", sha256):
        return None
    clear = offer.get("http_port") if isinstance(offer, dict) else None
    if clear is not None and not _is_port(clear):
        return None
    made = TransferOffer(*found, _addresses(base_url, resolved), _until(TRANSFER_TOKEN), sha256, http_port=clear)
    made.upload, made.fast = (_further_token(offer, key) for key in ("upload", "fast"))
    return made


def call_offers(
    answer: Mapping[str, Any], base_url: str, resolved: list[str], signal: Signal, renew: Renew
) -> CallOffers:
    """Return the checked offers of calls by their protocol.

    `signal` opens a WebRTC call at this helper, and `renew` asks it for new offers.
    """
    addresses, found = _addresses(base_url, resolved), dict[CallProtocol, CallOffer]()
    if (sip := _of_one_port(answer.get("sip"))) is not None:
        found["sip"] = CallOffer(*sip, addresses, _until(CALL_TOKEN), renew)
    webrtc = answer.get("webrtc")
    text = webrtc.get("token") if isinstance(webrtc, dict) else None
    if _is_token(text):
        found["webrtc"] = CallOffer(bytes.fromhex(text), (), addresses, _until(CALL_TOKEN), renew, signal)
    return found


def _further_token(offer: Any, key: str) -> bytes | None:
    """Return another token of an offer, None if a helper has none or it breaks the protocol."""
    said = offer.get(key) if isinstance(offer, dict) else None
    return bytes.fromhex(said) if _is_token(said) else None


def _of_one_port(offer: Any) -> tuple[bytes, tuple[int]] | None:
    """Return token and port of an offer, or None if one of them breaks the protocol."""
    token, port = (offer.get("token"), offer.get("port")) if isinstance(offer, dict) else (None, None)
    return (bytes.fromhex(token), (port,)) if _is_token(token) and _is_port(port) else None


def _until(limit: AgeLimit) -> float:
    """Return when a token that has just arrived is too old, on the event loop's clock."""
    return asyncio.get_running_loop().time() + limit.seconds


def _addresses(base_url: str, resolved: list[str]) -> tuple[str, ...]:
    host = urlsplit(base_url).hostname or ""
    return (host,) if is_address(host) else tuple(ip for ip in resolved if is_address(ip))


def _is_token(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and re.fullmatch(f"[0-9a-f]{{{2 * TOKEN_BYTES}}}", value) is not None


def _is_port(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65536
