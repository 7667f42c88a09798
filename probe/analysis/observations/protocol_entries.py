"""Entries of the services' own protocols → columns: was it tried, how did it fail, and what does it prove?"""

from collections.abc import Callable
from typing import Any

from probe.analysis.observations.lenient_json import failure, flag, number, tables, text, texts

Columns = dict[str, Any]


def _mtproto(entry: Columns) -> Columns:
    return _payload(entry, "mtproto", flag(entry.get("nonce_echoed")))


def _noise(entry: Columns) -> Columns:
    return _payload(entry, "noise", flag(entry.get("server_hello")) and flag(entry.get("chain_valid")))


def _stun(entry: Columns) -> Columns:
    """A Binding is proven by a mapped address (RFC 8489), an Allocate by the challenge to strangers (RFC 8656, 7.2)."""
    response, allocate = text(entry.get("response")), text(entry.get("method")) == "allocate"
    challenged = (
        number(entry.get("error_code")) == 401 and flag(entry.get("has_realm")) and flag(entry.get("has_nonce"))
    )
    if allocate:
        proven = response == "success" or (response == "error" and challenged)
    else:
        proven = response == "success" and number(entry.get("mapped_family")) in {4, 6}
    return _payload(entry, "turn" if allocate else "stun", proven) | {"payload_answered": response != ""}


def _sip(entry: Columns) -> Columns:
    """Any final response with our branch is a proof (RFC 3261, 8.1.3.3), a provisional one an answer."""
    code = number(entry.get("code"))
    answered = code > 0 or bool(entry.get("provisional"))
    columns = _payload(entry, "sip", code >= 200)
    return columns | {"payload_answered": answered, "payload_rewritten": bool(texts(entry.get("rewritten")))}


def _answer(entry: Columns) -> Columns:
    """An answer with an address; whether it is a true one is another question (answers.py)."""
    given = any(answer.get("ipv4") or answer.get("ipv6") for answer in tables(entry.get("answers")))
    asked_there = text(entry.get("engine")) in {"udp", "tcp", "dot", "doh"}  # not through the system's library
    return _payload(entry, "answer", given and asked_there)


def _payload(entry: Columns, kind: str, proven: bool) -> Columns:
    said = failure(entry.get("failure"))
    return {
        "payload_attempts": 1,
        "payload_failure": said if said is not None or proven else "unknown_failure: not proven",
        "payload_proven": said is None and proven,
        "payload_kind": kind,
    }


def _echo(entry: Columns) -> Columns:
    said = failure(entry.get("failure"))
    return {
        "echo_attempts": 1,
        "echo_failure": said,
        "echo_payload": text(entry.get("payload")),
        "echo_port": number(entry.get("port")),
        "echo_sent": number(entry.get("x_sent")),
        "echo_echoed": said is None and flag(entry.get("echoed")),
        "echo_changed": flag(entry.get("changed")),
    }


def _random(entry: Columns) -> Columns:
    return {"random_attempts": 1, "random_failure": failure(entry.get("failure"))}


PAYLOADS: dict[str, Callable[[Columns], Columns]] = {
    "mtproto": _mtproto,
    "noise": _noise,
    "stun": _stun,
    "sip": _sip,
    "queries": _answer,
    "echoes": _echo,
    "random_bytes": _random,
}
"""List of entries → what it says, for the protocols that are judged as a `payload`, and for what is of none."""
