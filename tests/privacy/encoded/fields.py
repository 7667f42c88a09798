"""Plant a text in each field of a recorded measurement that a server, a middlebox or a helper can fill."""

import base64
import copy
import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from probe.formats.keys import LISTS
from tests.privacy.encoded.certificates import certificate_with

Json = dict[str, Any]
Plant = Callable[[Json, str], None]

RECORDED = Path(__file__).parents[3] / "probe/lab/recorded"
SOURCES = (
    "clean.jsonl.gz",
    "dns-conflict.jsonl.gz",
    "no-starttls.jsonl.gz",
    "reflector-udp-dark.jsonl.gz",
    "dtls-damaged.jsonl.gz",
)
KEPT_ENTRIES = 2


@cache
def measurements() -> dict[str, Json]:
    """Return for each list of entries the shortest recorded measurement that has one, and `control` of OONI's keys."""
    found: dict[str, tuple[int, Json]] = {}
    for path in sorted(RECORDED.glob("*.gz")):
        if path.name not in SOURCES and "web" not in path.name:
            continue
        for line in gzip.decompress(path.read_bytes()).decode().splitlines():
            document = json.loads(line)
            for name in _holds(document):
                if name not in found or len(line) < found[name][0]:
                    found[name] = (len(line), document)
    return {name: _shortened(document) for name, (_, document) in found.items()}


def _holds(document: Json) -> set[str]:
    """Return the lists with entries, and what is needed beside them."""
    entries = {
        (name, one.get("operation")) for place in places(document) for name in LISTS for one in place.get(name) or []
    }
    names = {name if operation is None else f"{name}, {operation}" for name, operation in entries}
    asked = [query for place in places(document) for query in place.get("queries") or []]
    if any(query["engine"] == "udp" and query.get("x_responses") for query in asked):
        names.add("queries, udp")
    if (document["test_keys"].get("x_control") or {}).get("test_keys", {}).get("x_transactions"):
        names.add("x_control")
    return names | ({"control"} if (document["test_keys"].get("control") or {}).get("http_request") else set())


def places(document: Json) -> list[Json]:
    keys = document["test_keys"]
    return [keys, keys["x_endpoints"], keys["x_followups"]]


def _shortened(document: Json) -> Json:
    """Return the measurement with the first entries of each list."""
    document = copy.deepcopy(document)
    control = (document["test_keys"].get("x_control") or {}).get("test_keys") or {}
    for place in [*places(document), control, *(control.get(name) or {} for name in ("x_endpoints", "x_followups"))]:
        for name, value in place.items():
            if isinstance(value, list):
                place[name] = _first_of_each(value)
    return document


def _first_of_each(entries: list[Any]) -> list[Any]:
    """Return the first two entries of each kind."""
    kept, seen = [], Counter[Any]()
    for entry in entries:
        kind = (entry.get("operation"), entry.get("engine")) if isinstance(entry, dict) else None
        seen[kind] += 1
        kept += [entry] if seen[kind] <= KEPT_ENTRIES else []
    return kept


def entry_in(document: Json, name: str, **like: Any) -> Json:
    """Return the first entry of a list."""
    entries = (entry for place in places(document) for entry in place.get(name) or [])
    return next(entry for entry in entries if all(entry.get(key) == value for key, value in like.items()))


def binary(text: str) -> Json:
    raw = text.encode("latin-1", "replace")[:64]
    return {"format": "base64", "data": base64.b64encode(raw).decode()}


def labels_of(text: str) -> list[bytes]:
    """Return the text as labels of a DNS name: as it is, cut only where a label or the name would be too long."""
    raw = text.encode("utf-8", "replace")
    labels = [part[at : at + 63] for part in raw.split(b".") if part for at in range(0, len(part), 63)]
    return labels[:3] or [b"x"]


def name_of(text: str) -> str:
    return dns.name.Name([*labels_of(text), b"isp", b"example", b""]).to_text(omit_final_dot=True).lower()


def message_with(coded: str, kind: str, text: str) -> str:
    """Add a record with the text to a raw DNS message."""
    message = dns.message.from_wire(base64.b64decode(coded), ignore_trailing=True)
    asked = message.question[0].name
    name = dns.name.Name([*labels_of(text), b"isp", b"example", b""])
    content = {
        "TXT": lambda: b"".join(bytes([len(piece)]) + piece for piece in _pieces(text)),
        "CNAME": name.to_wire,
        "NS": name.to_wire,
        "PTR": name.to_wire,
        "HINFO": lambda: bytes([len(_pieces(text)[0])]) + _pieces(text)[0] + b"\x00",
    }
    owner = name if kind == "owner" else asked
    rdtype = dns.rdatatype.A if kind == "owner" else dns.rdatatype.from_text(kind)
    raw = bytes([192, 0, 2, 1]) if kind == "owner" else content[kind]()
    record = dns.rdata.from_wire(dns.rdataclass.IN, rdtype, raw, 0, len(raw))
    section = message.answer if kind in {"CNAME", "owner"} else message.additional
    section.append(dns.rrset.from_rdata(owner, 60, record))
    return base64.b64encode(message.to_wire(max_size=65535)).decode()


def _pieces(text: str) -> list[bytes]:
    raw = text.encode("utf-8", "replace")
    return [raw[at : at + 255] for at in range(0, len(raw), 255)] or [b""]


def _set(name: str, *path: str, before: str = "", after: str = "", cut: int = 200, **like: Any) -> tuple[str, Plant]:
    def plant(document: Json, text: str) -> None:
        entry = entry_in(document, name, **like)
        for key in path[:-1]:
            entry = entry[key]
        entry[path[-1]] = (before + text + after)[:cut]

    return ", ".join([name, *like.values()]), plant


def _bytes(name: str, key: str, before: str = "", **like: Any) -> tuple[str, Plant]:
    def plant(document: Json, text: str) -> None:
        entry_in(document, name, **like)[key] = binary(before + text)

    return ", ".join([name, *like.values()]), plant


def _dns(kind: str) -> tuple[str, Plant]:
    def plant(document: Json, text: str) -> None:
        entry = entry_in(document, "queries", engine="udp")
        entry["raw_response"] = message_with(entry["raw_response"], kind, text)
        entry["x_responses"][0]["raw_response"] = entry["raw_response"]
        if kind in {"CNAME", "NS", "PTR"}:
            entry["answers"].append({"answer_type": kind, "hostname": name_of(text), "ttl": 60})

    return "queries, udp", plant


def _unparsable(document: Json, text: str) -> None:
    entry = entry_in(document, "queries", engine="udp")
    entry["raw_response"] = base64.b64encode(base64.b64decode(entry["raw_response"])[:12] + text.encode()).decode()


def _certificate(place: str) -> tuple[str, Plant]:
    def plant(document: Json, text: str) -> None:
        entry = entry_in(document, "tls_handshakes")
        entry["failure"], entry["x_verified_name"] = "ssl_unknown_authority", entry["server_name"]
        der = base64.b64encode(certificate_with(place, text)).decode()
        entry["peer_certificates"] = [{"format": "base64", "data": der}]

    return "tls_handshakes", plant


def _control(change: Callable[[Json, str], None]) -> tuple[str, Plant]:
    def plant(document: Json, text: str) -> None:
        change(document["test_keys"]["x_control"], text)

    return "x_control", plant


def _of_ooni(change: Callable[[Json, str], None]) -> tuple[str, Plant]:
    def plant(document: Json, text: str) -> None:
        change(document["test_keys"]["control"], text)

    return "control", plant


FIELDS: dict[str, tuple[str, Plant]] = {
    "http server": _set("requests", "response", "headers", "Server", before="nginx "),
    "http server alone": _set("requests", "response", "headers", "Server"),
    "http content type": _set("requests", "response", "headers", "Content-Type", before="text/html; for="),
    "http length": _set("requests", "response", "headers", "Content-Length"),
    "http title": _set("requests", "response", "x_title", before="Access denied for "),
    "http title alone": _set("requests", "response", "x_title"),
    "http redirect": (
        "requests",
        lambda d, text: entry_in(d, "requests")["response"].update(x_redirect_host=name_of(text)),
    ),
    "http location": _set("requests", "response", "headers", "Location", before="http://notice.example/", cut=600),
    "http location host": (
        "requests",
        lambda d, text: entry_in(d, "requests")["response"]["headers"].update(Location=f"http://{name_of(text)}/"),
    ),
    "http header names": (
        "requests",
        lambda d, t: entry_in(d, "requests")["response"].update(x_header_names=["date", t]),
    ),
    "stun software": _set("stun", "software", before="server for "),
    "stun software alone": _set("stun", "software"),
    "stun bytes": _bytes("stun", "x_first_bytes"),
    "reflector bytes": _bytes("reflector", "x_first_bytes"),
    "dtls bytes": _bytes("dtls", "x_first_bytes"),
    "sip reason": _set("sip", "reason", before="Not from ", cut=64),
    "sip server": _set("sip", "server", before="Kamailio "),
    "sip bytes": _bytes("sip", "x_first_bytes", before="SIP/2.0 403 "),
    "smtp banner": _set("mail", "banner", before="mail.example ESMTP ", cut=128, operation="greeting"),
    "imap banner": _set("mail", "banner", before="OK ready for ", cut=128, operation="greeting"),
    "mail capability": (
        "mail, greeting",
        lambda d, text: entry_in(d, "mail", operation="greeting")["capabilities"].append(f"X {text}"[:128]),
    ),
    "mail answer": _set("mail", "answer", before="2.0.0 Ready ", cut=128, operation="starttls"),
    "mail mask": _set("mail", "masked_as", operation="greeting"),
    "mail bytes": _bytes("mail", "x_first_bytes", before="220 ", operation="greeting"),
    "mail injected": _bytes("mail", "x_injected", operation="starttls"),
    "noise bytes": _bytes("noise", "x_first_bytes"),
    "tls bytes": _bytes("tls_handshakes", "x_first_bytes", before="HTTP/1.1 403 "),
    "quic bytes": _bytes("quic_handshakes", "x_first_bytes"),
    "alpn": _set("tls_handshakes", "negotiated_protocol"),
    "mtproto failure": _set("mtproto", "failure", before="unknown_failure: mtproto transport error "),
    "quic failure": _set("quic_handshakes", "failure", before="unknown_failure: quic: closed with 0x"),
    **{f"dns {kind}": _dns(kind) for kind in ("TXT", "CNAME", "NS", "PTR", "HINFO", "owner")},
    "dns unparsable": ("queries, udp", _unparsable),
    **{
        f"certificate {place}": _certificate(place)
        for place in ("subject", "organization", "issuer", "name", "uri", "mail")
    },
    "helper version": _control(lambda control, text: control.update(software_version=f"1.0 {text}")),
    "helper text": _control(lambda control, text: control["test_keys"].update(failure=f"unknown_failure: {text}")),
    "helper key": _control(lambda control, text: control["test_keys"].update({text: {text: 1}})),
    "helper unknown": _control(lambda control, text: control["test_keys"].update(remark=[text, {"note": text}])),
    "helper bytes": _control(lambda control, text: control["test_keys"].update(x_first_bytes=binary(text))),
    "helper hostname": _control(
        lambda c, t: c["test_keys"]["x_transactions"][0].update(hostname=name_of(t), service=t)
    ),
    "helper digest": _control(lambda control, text: control.update(targets_digest=text)),
    "helper preflight": _control(lambda control, text: control["preflight"].update({text: True, "ipv4": text})),
    "ooni title": _of_ooni(lambda control, text: control["http_request"].update(title=text)),
    "ooni headers": _of_ooni(lambda control, text: control["http_request"].update(headers={"Server": text, text: ""})),
    "ooni failure": _of_ooni(lambda control, text: control["http_request"].update(failure=f"unknown_error {text}")),
}


def template(field: str) -> Json:
    """Return a copy of the measurement in which the field is planted."""
    return copy.deepcopy(measurements()[FIELDS[field][0]])


def planted(field: str, text: str) -> Json:
    """Return a recorded measurement with the text in a field."""
    document = template(field)
    with suppress(dns.exception.DNSException, ValueError):  # the text does not fit: nothing is planted
        FIELDS[field][1](document, text)
    return document


def all_fields() -> Iterator[str]:
    yield from sorted(FIELDS)
