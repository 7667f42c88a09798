"""Turn entries of MTProto, Noise, STUN, TURN, reflectors, DTLS, SIP, DNS, mail and the UDP echo into columns.

The columns say what was tried, what failed and what is proven.
"""

from collections.abc import Callable
from typing import Any

from probe.analysis.observations.lenient_json import failure, flag, number, seconds, table, tables, text, texts
from probe.signatures.near_reactions import Burst, PacketSent, near_place

Columns = dict[str, Any]
SENT_TWICE = 2  # one lost request is no silence


def _mtproto(entry: Columns) -> Columns:
    return _payload(entry, "mtproto", flag(entry.get("nonce_echoed")))


def _noise(entry: Columns) -> Columns:
    return _payload(entry, "noise", flag(entry.get("server_hello")) and flag(entry.get("chain_valid")))


def _stun(entry: Columns) -> Columns:
    """Accept a mapped address (Binding, RFC 8489) or the challenge of an unauthenticated Allocate (RFC 8656, 7.2)."""
    response, allocate = text(entry.get("response")), text(entry.get("method")) == "allocate"
    challenged = (
        number(entry.get("error_code")) == 401 and flag(entry.get("has_realm")) and flag(entry.get("has_nonce"))
    )
    if allocate:
        proven = response == "success" or (response == "error" and challenged)
    else:
        proven = response == "success" and number(entry.get("mapped_family")) in {4, 6}
    columns = _payload(entry, "turn" if allocate else "stun", proven)
    return columns | {
        "payload_answered": response != "",
        "payload_strays": number(entry.get("x_foreign")),
        "stun_refused": response == "error" and not proven and number(entry.get("error_code")) > 0,
        "stun_mapped_elsewhere": text(entry.get("mapped_network")) in {"other", "private"},
        "stun_contradicted": response == "error" and not proven and flag(entry.get("contradicted")),
    }


def _reflector(entry: Columns) -> Columns:
    """Accept any packet that bears the probe's tag, as Telegram's apps do. Other bytes are an answer without proof."""
    proven = text(entry.get("response")) != ""
    return _payload(entry, "reflector", proven) | {"payload_answered": proven or number(entry.get("x_foreign")) > 0}


def _dtls(entry: Columns) -> Columns:
    """Accept a request for a cookie, or a ServerHello (RFC 6347, 4.2.1, and RFC 9147, 5.1). An alert proves nothing."""
    response = text(entry.get("response"))
    columns = _payload(entry, "dtls", response in {"verify_request", "retry_request", "server_hello"})
    return columns | {
        "payload_answered": response != "",
        "payload_strays": number(entry.get("x_foreign")),
        "dtls_hello": text(entry.get("hello")),
    }


def _sip(entry: Columns) -> Columns:
    """Accept any final response with the probe's branch as proof (RFC 3261, 8.1.3.3)."""
    code = number(entry.get("code"))
    answered = code > 0 or bool(entry.get("provisional"))
    columns = _payload(entry, "sip", code >= 200)
    return columns | {
        "payload_answered": answered,
        "payload_rewritten": bool(texts(entry.get("rewritten"))),
        "payload_strays": number(entry.get("x_foreign")),
        "sip_code": code,
        "sip_second_code": number(entry.get("second_code")) if _has_second_sender(entry) else 0,
        "sip_server": text(entry.get("server")),
    }


def _has_second_sender(entry: Columns) -> bool:
    """Return whether a second answer came from another sender than the first, as TTL, product or Via show.

    A server without state may answer a repeated or duplicated request otherwise, and gives that answer another tag.
    """
    differs = {"ttl", "server", "via"} & set(texts(entry.get("second_differs")))
    return number(entry.get("x_sent")) == 1 and bool(differs)


def _answer(entry: Columns) -> Columns:
    """Accept an answer with an address. `pipeline/datagram_races.py` compares it with the control."""
    has_address = any(answer.get("ipv4") or answer.get("ipv6") for answer in tables(entry.get("answers")))
    sent_there = text(entry.get("engine")) in {"udp", "tcp", "dot", "doh"}  # not through the system's library
    return _payload(entry, "answer", has_address and sent_there)


def _payload(entry: Columns, kind: str, proven: bool) -> Columns:
    failed = failure(entry.get("failure"))
    return {
        "payload_attempts": 1,
        "payload_failure": failed if failed is not None or proven else "unknown_failure: not proven",
        "payload_proven": failed is None and proven,
        "payload_kind": kind,
    }


def _echo(entry: Columns) -> Columns:
    failed = failure(entry.get("failure"))
    return {
        "echo_attempts": 1,
        "echo_failure": failed,
        "echo_payload": text(entry.get("payload")),
        "echo_port": number(entry.get("port")),
        "echo_sent": number(entry.get("x_sent")),
        "echo_echoed": failed is None and flag(entry.get("echoed")),
        "echo_changed": flag(entry.get("changed")),
        "echo_swapped": number(entry.get("ends_swapped")),
        "echo_kept": number(entry.get("ends_kept")),
        "echo_answered": number(entry.get("answer_code")) > 0,
    }


def _random(entry: Columns) -> Columns:
    return {"random_attempts": 1, "random_failure": failure(entry.get("failure"))}


def _limited(entry: Columns) -> Columns:
    """Return at which distances SIP was answered before the server. Silence counts if the request was sent twice."""
    if text(entry.get("payload")) != "sip" or text(entry.get("transport")) != "udp":
        return {}
    found = [
        (number(each.get("ttl")), text(each.get("outcome")), number(each.get("sent")))
        for each in tables(entry.get("distances"))
    ]
    answered = [ttl for ttl, outcome, _ in found if outcome == "answered" and ttl > 0]
    passed = [
        ttl for ttl, outcome, sent in found if outcome == "expired" or (outcome == "silent" and sent >= SENT_TWICE)
    ]
    return {"sip_answered_at": min(answered, default=0), "sip_passed_at": max(passed, default=0)}


def _swept(entry: Columns) -> Columns:
    """Return the distance of the farthest router that answered an innocuous packet."""
    answered = [number(hop.get("ttl")) for hop in tables(entry.get("hops")) if flag(hop.get("answered"))]
    return {"swept_to": max(answered, default=0)}


def _near(entry: Columns) -> Columns:
    """Return where packets with TTL 1 were stopped."""
    packets = [
        PacketSent(
            text(each.get("to")),
            text(each.get("outcome")),
            flag(each.get("at_once")),
            text(each.get("sender")),
            seconds(each.get("seconds")),
        )
        for each in tables(entry.get("packets"))
    ]
    keys = ("burst", "burst_answered", "burst_not_sent", "beside_not_sent")
    burst = Burst(*(number(entry.get(key)) for key in keys))
    place = near_place(packets, datagram_refused=flag(entry.get("datagram_refused")), burst=burst)
    return {"near_tested": bool(packets), "near_place": place}


PAYLOADS: dict[str, Callable[[Columns], Columns]] = {
    "mtproto": _mtproto,
    "noise": _noise,
    "stun": _stun,
    "reflector": _reflector,
    "dtls": _dtls,
    "sip": _sip,
    "queries": _answer,
    "echoes": _echo,
    "random_bytes": _random,
    "limited_payloads": _limited,
    "path_sweeps": _swept,
    "near_reactions": _near,
}
"""Functions that turn an entry into columns, by the name of its list. `media_pairs.py` reads media flows.

No rule reads calls over SIP.
"""


_REFUSED_COMMANDS = ("unknown_failure: smtp: ehlo refused", "unknown_failure: imap: capability refused")
_GREETED = 220  # SMTP's code (RFC 5321, 4.2). IMAP has none.


def mail_columns(entries: list[Columns]) -> Columns:
    """Return the columns of a transaction from all its entries in the list `mail`, {} without any."""
    if not entries:
        return {}
    clear = next((e for e in entries if _is(e, "greeting") and not flag(e.get("over_tls"))), {})
    starttls = next((e for e in entries if _is(e, "starttls")), {})
    in_clear = [entry for entry in entries if not flag(entry.get("over_tls"))]
    failures = [failure(entry.get("failure")) for entry in entries]
    return {
        "mail_attempts": 1,
        "mail_failure": next((found for found in failures if found is not None), None),
        "mail_protocol": text(entries[0].get("protocol")),
        "mail_offer": text(clear.get("starttls")) if failure(clear.get("failure")) is None else "",
        "mail_accepted": flag(starttls.get("accepted")),
        "mail_refused": _refused(starttls),
        "mail_turned_away": any(_turns_away(entry) for entry in entries if _is(entry, "greeting")),
        "mail_known_refusal": any(number(entry.get("known_refusal")) > 0 for entry in in_clear),
        "mail_contradicted": any(flag(entry.get("contradicted")) for entry in in_clear),
        "mail_two_greetings": any(flag(entry.get("contradicted")) and _is_refusal(entry) for entry in in_clear),
        "mail_refused_in_tls": any(_is_refusal(entry) for entry in entries if flag(entry.get("over_tls"))),
        "mail_injected": _has_bytes(table(starttls.get("x_injected"))),
    }


def _is(entry: Columns, operation: str) -> bool:
    return text(entry.get("operation")) == operation


def _has_bytes(data: Columns) -> bool:
    """Return True if bytes were received, written or not."""
    return bool(data.get("data")) or number(data.get("x_length")) > 0


def _refused(starttls: Columns) -> bool:
    """Return True if the server answered STARTTLS with a refusal."""
    answered = number(starttls.get("code")) > 0 or bool(text(starttls.get("answer")))
    return bool(starttls) and answered and not flag(starttls.get("accepted"))


def _turns_away(greeting: Columns) -> bool:
    """Return True if the server refuses the client: another SMTP code than 220, IMAP's BYE, or no to the command."""
    failed = failure(greeting.get("failure"))
    return failed is not None and (_is_refusal(greeting) or failed.startswith(_REFUSED_COMMANDS))


def _is_refusal(greeting: Columns) -> bool:
    """Return True if the greeting itself refuses the client."""
    code, banner = number(greeting.get("banner_code")), text(greeting.get("banner"))
    return _is(greeting, "greeting") and (code not in {0, _GREETED} or banner.startswith("BYE"))
