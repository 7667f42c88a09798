"""Read TLS and HTTP/1.1 in TCP connections of a capture, and QUIC in its datagrams."""

import re
from typing import Any

from probe.captures.captured_flow import CapturedFlow, Datagram
from probe.captures.conversation import PATIENCE, Conversation, HelloPart
from probe.captures.tcp_ends import ConnectionEnd, end_before_answer, end_of_connect, first_payload, reset_after
from probe.formats import failures as f
from probe.signatures.block_pages import matching
from probe.wire.tls.quic_initial import ClientInitials, NotInitial, initial_keys, open_initial, read_header
from probe.wire.tls.server_name import carries_ech, read_handshake, read_hello

LEAST_FINISHED = 50  # bytes that a client sends after the server's hello if it accepts it. An alert has fewer
REPEATED_HELLOS = 2  # packets of a server's hello after the client's reply. One may have been under way
_ALERT, _HANDSHAKE, _LONG_HEADER = 21, 22, 0x80
_REQUEST = re.compile(rb"(GET|HEAD|POST|PUT|OPTIONS|CONNECT|DELETE|PATCH) [^\r\n]{1,8000} HTTP/1\.[01]\r?\n")
_HOST = re.compile(rb"\nhost:[ \t]*([^\r\n]{1,255})", re.IGNORECASE)
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[^\r\n]{0,200}\r?\n")
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_LONGEST_NAME = 253
_UNKNOWN_OF_QUIC = {"x_verified_name": "", "x_engine": ""}  # facts that only the client had


def usable_name(name: str | None) -> str:
    """Return a name in lower case, "" if no host can have it. Names of captures come from strangers."""
    text = (name or "").lower().rstrip(".")
    usable = len(text) <= _LONGEST_NAME and all(map(_LABEL.fullmatch, text.split(".")))
    return text if usable and not text[-1:].isdigit() else ""


def read_tcp_flow(flow: CapturedFlow, last: float) -> Conversation | None:
    """Return what a TCP connection says. None if it was captured too little, or ended before anything could be told."""
    connect = end_of_connect(flow, last)
    if connect.failure is not None:
        return _unconnected(flow, connect) if connect.certain and flow.syns else None
    sent = bytes(flow.sent.head)
    if read_hello(sent).is_tls and sent[:1] == bytes([_HANDSHAKE]):
        return _read_tls(flow, sent, connect, last)
    if _REQUEST.match(sent):
        return _read_http(flow, sent, connect, last)
    if not flow.syns or not flow.synacks:
        return None
    return Conversation(flow, "tcp", "", None, flow.since, connect.when, answered=True, entries=_connect(flow, connect))


def _unconnected(flow: CapturedFlow, connect: ConnectionEnd) -> Conversation:
    return Conversation(flow, "tcp", "", connect.failure, flow.since, connect.when, entries=_connect(flow, connect))


def _connect(flow: CapturedFlow, connect: ConnectionEnd) -> dict[str, list[dict[str, Any]]]:
    status = {"success": connect.failure is None, "failure": connect.failure}
    entry = {"ip": flow.server, "port": flow.port, "status": status, "x_syn_repeats": max(0, flow.syns - 1)}
    return {"tcp_connect": [entry | {"t0": flow.since, "t": connect.when}]}


def _read_tls(flow: CapturedFlow, sent: bytes, connect: ConnectionEnd, last: float) -> Conversation | None:
    view, asked = read_hello(sent), first_payload(flow, outgoing=True) or connect.when
    end, answered, completed = _end_of_tls(flow, asked, last)
    if not end.certain:
        return None
    name, ech = usable_name(view.name), carries_ech(sent)
    entry = {
        "t0": asked,
        "t": end.when,
        "network": "tcp",
        "address": f"{flow.server}:{flow.port}",
        "server_name": name,
        "failure": end.failure,
        "x_verified_name": "",
        "x_answered": answered,
        "x_completed": completed,
        "x_client_hello_length": len(sent) if len(sent) < 16_384 else 0,
        "x_engine": "",
    } | ({"echconfig": "GREASE"} if ech else {})
    return Conversation(
        flow,
        "tls",
        name,
        end.failure,
        flow.since,
        end.when,
        _part(name, ech),
        answered,
        completed,
        _connect(flow, connect) | {"tls_handshakes": [entry]},
    )


def _part(name: str, ech: bool | None) -> HelloPart:
    return "none" if not name else "outer_name" if ech else "name"


def _end_of_tls(flow: CapturedFlow, asked: float, last: float) -> tuple[ConnectionEnd, bool, bool]:
    """Return the end, whether the server answered, and whether the client went on after the server's hello."""
    answer, head = first_payload(flow, outgoing=False), bytes(flow.received.head)
    if answer is None:
        return end_before_answer(flow, asked, last), False, False
    if head[:1] == bytes([_ALERT]):
        return ConnectionEnd(f"{f.UNKNOWN}: remote error: tls: alert", answer), True, False
    if head[:1] != bytes([_HANDSHAKE]) and any(head[:5]):
        return ConnectionEnd(f.NOT_TLS, answer), False, False
    after = sum(e.length for e in flow.kept if e.outgoing and e.when > answer and not e.repeated and "R" not in e.kind)
    if after >= LEAST_FINISHED:
        return ConnectionEnd(None, answer), True, True
    reset = reset_after(flow, answer)
    return (
        (ConnectionEnd(f.RESET, reset.when), True, False)
        if reset
        else (ConnectionEnd(None, answer, certain=False), True, False)
    )


def _read_http(flow: CapturedFlow, sent: bytes, connect: ConnectionEnd, last: float) -> Conversation | None:
    asked = first_payload(flow, outgoing=True) or connect.when
    host = _HOST.search(sent)
    name = usable_name(host[1].decode("ascii", "replace").partition(":")[0]) if host else ""
    received = bytes(flow.received.head)
    status = _STATUS.match(received)
    if status is None and any(received):
        return None  # it is no HTTP, or it was captured in part
    end = (
        ConnectionEnd(None, first_payload(flow, outgoing=False) or asked)
        if status
        else end_before_answer(flow, asked, last)
    )
    if not end.certain:
        return None
    head, _, body = received.partition(b"\r\n\r\n")
    lines = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    headers = {key.decode("latin-1").strip().lower(): value.decode("latin-1").strip() for key, _, value in lines}
    entry = {
        "t0": asked,
        "t": end.when,
        "failure": end.failure,
        "request": {"headers": {"Host": name}},
        "response": {"code": int(status[1]) if status else 0, "x_fingerprints": matching(body, headers)},
    }
    entries = _connect(flow, connect) | {"requests": [entry]}
    done = status is not None
    return Conversation(flow, "http", name, end.failure, flow.since, end.when, "", done, done, entries)


def read_quic_flow(flow: CapturedFlow, last: float) -> Conversation | None:
    """Return what a QUIC connection says. The keys of its Initial packets follow from the packets (RFC 9001, 5.2)."""
    sent = [each for each in flow.datagrams if each.outgoing]
    first = next((each for each in sent if _is_initial(each.payload)), None)
    if first is None or sent[0] is not first:
        return None
    hello = _hello_in(sent)
    if not hello:
        return None
    answers = [each for each in flow.datagrams if not each.outgoing and each.payload and each.when >= first.when]
    genuine = [each for each in answers if _is_long_or_short(each.payload)]
    later = [each for each in sent if genuine and each.when > genuine[0].when and not _is_initial(each.payload)]
    completed, unheard = _progress(answers, later)
    if completed:
        end = ConnectionEnd(None, genuine[0].when)
    else:
        end = _end_of_quic(flow, first.when, unheard or not genuine, last)
    if not end.certain:
        return None
    record = bytes([_HANDSHAKE, 3, 1]) + len(hello).to_bytes(2, "big") + hello
    name, ech = usable_name(read_handshake(hello).name), carries_ech(record)
    entry = {
        "t0": first.when,
        "t": end.when,
        "network": "udp",
        "address": f"{flow.server}:{flow.port}",
        "server_name": name,
        "failure": end.failure,
        "x_answered": bool(genuine),
        "x_completed": completed,
        "x_client_hello_length": len(hello),
    }
    entries = {"quic_handshakes": [entry | _UNKNOWN_OF_QUIC | ({"echconfig": "GREASE"} if ech else {})]}
    times, part = (first.when, end.when), _part(name, ech)
    return Conversation(flow, "quic", name, end.failure, *times, part, bool(genuine), completed, entries, unheard)


def _hello_in(sent: list[Datagram]) -> bytes:
    """Return the contiguous bytes of the client hello in the client's datagrams, b"" without any."""
    reader = ClientInitials()
    for each in sent:
        reader.feed(each.payload)
    return reader.hello


def _progress(answers: list[Datagram], later: list[Datagram]) -> tuple[bool, bool]:
    """Return whether the server went on after the client's reply to its hello, and whether it repeated its hello.

    A server that gets the reply sends short headers. One that does not get it repeats packets with long headers
    (RFC 9002, section 6.2).
    """
    since = [each for each in answers if later and each.when > later[0].when]
    short = [each for each in since if not each.payload[0] & _LONG_HEADER]
    long = [each for each in since if each.payload[0] & _LONG_HEADER]
    went_on = bool(short) and (not long or long[-1].when < short[-1].when)
    return went_on, not went_on and len(long) >= REPEATED_HELLOS


def _is_initial(payload: bytes) -> bool:
    try:
        header = read_header(payload)
        if not header.is_initial:
            return False
        open_initial(payload, header, initial_keys(header.dcid, header.version))
    except NotInitial:
        return len(payload) > 5 and payload[0] & 0xF0 in {0xC0, 0xD0} and _is_known_version(payload)
    return True


def _is_known_version(payload: bytes) -> bool:
    try:
        return read_header(payload).is_initial
    except NotInitial:
        return False


def _is_long_or_short(payload: bytes) -> bool:
    return payload[:1] != b"" and bool(payload[0] & 0x40 or payload[0] & 0x80)


def _end_of_quic(flow: CapturedFlow, began: float, cut_off: bool, last: float) -> ConnectionEnd:
    for event in flow.kept:
        if (
            event.when >= began
            and not event.outgoing
            and event.kind == "ICMP"
            and event.start[:1] in {b"\x03", b"\x01"}
        ):
            return ConnectionEnd(
                f.REFUSED if event.start[1:2] in {b"\x03", b"\x04"} else f.HOST_UNREACHABLE, event.when
            )
    sent = [each.when for each in flow.kept if each.outgoing and each.when >= began]
    given_up = min(last, max(sent, default=began) + PATIENCE)
    return ConnectionEnd(f.TIMEOUT, given_up, certain=len(sent) >= 3 and given_up - began >= PATIENCE and cut_off)
