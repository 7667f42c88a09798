"""Keep in a finished measurement only what servers and helpers may not have used to write the user's address.

The probe may not know its own public address: a NAT hides it, and no helper named it. So this module searches for no
known address. Every field that a server can fill has a rule for what is kept of it.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel

from probe.formats.field_notes import KeptAs
from probe.formats.keys import TEST_KEYS
from probe.privacy.address_like import encodes_address
from probe.privacy.binary_fields.dns_messages import kept_message, load_types
from probe.privacy.binary_fields.ech_configs import kept_configs
from probe.privacy.binary_fields.plain_certificates import CertificateContext, is_plain_certificate, withheld_leaf
from probe.privacy.host_names import kept_name, parents_of
from probe.privacy.scrub import exact_base64
from probe.privacy.server_text import (
    kept_answer,
    kept_bytes,
    kept_failure,
    kept_product,
    kept_text,
    keyed,
)
from probe.privacy.web_addresses import is_address, is_resolver, kept_url

LARGEST_NUMBER = 2**24  # the smallest number that is an address of the public Internet
COUNTERS = frozenset({"bytes_sent", "bytes_received", "sequence", "acknowledgment", "asn"})  # counted or chosen here
OUR_OWN = frozenset({"x_target", "x_run", "x_packets", "x_bugs", "request", "x_control_request", "annotations"})
"""Keys with values that no server writes."""

ADDRESSES = frozenset({"ip", "ipv4", "ipv6", "address", "addrs", "resolver_address", "Host"})
HELPERS = frozenset({"x_control", "control"})  # keys that hold a helper's answer
_FROM_SERVERS = frozenset({"response", "answers", "x_responses", "data", "raw_response", "peer_certificates", *HELPERS})
_DNS_TYPES = ("A", "AAAA", "CNAME", "NS", "PTR", "SOA", "ANY")
_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3", "http/1.1", "h2", "h3", "3")
_CONSTANTS = frozenset({*_DNS_TYPES, *_VERSIONS, "isp", "abridged", "obfuscated2", "getaddrinfo"})
_CIPHER = re.compile(
    r"TLS(?:_(?:AES|GCM|CHACHA20|POLY1305|SHA256|SHA384|SHA|256|128|ECDHE|DHE|ECDSA|RSA|WITH|CBC|CCM|8|3DES|EDE))+"
)
_BY_ADDRESS = frozenset({"tcp_connect", "tls_handshake", "quic_handshake", "ip_info"})  # keys of OONI's helper
_FAMILIES = ("ipv4", "ipv6")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_OWN_VERSION = re.compile(r"\d\.\d{1,2}\.\d{1,2}")  # of our helper
_OF_OONI = """dns addrs tcp_connect tls_handshake quic_handshake http_request ip_info status asn flags body_length
title headers status_code discovered_h3_endpoint"""  # keys in the answers of OONI's helper

_FAILURES = ("failure", "x_body_failure", "control_failure", "http_experiment_failure", "so_error")
_TITLE = "title"  # of a page, in the answers of OONI's helper. Our other models have other fields of this name.

Json = dict[str, Any]


@cache
def _kept_as() -> dict[str, str]:
    """Return the rule of each field that its model names (`KeptAs`), by the name of the field."""
    fields = (each for model in _models() for each in model.model_fields.items())
    return {_TITLE: "text"} | {
        name: note.rule for name, field in fields for note in field.metadata if isinstance(note, KeptAs)
    }


@cache
def _ruled() -> frozenset[str]:
    return frozenset({"echconfig", "outer_server_name", "x_redirect_host", *_FAILURES, *_kept_as()})


def keep_known_shapes(document: Json, key: bytes) -> Json:
    """Return `document` (finished JSON) with every field that a server or a helper can fill reduced by its rule.

    `key` is random and new for each run. So digests can be compared within a run only.
    """
    return _Fields(document, key).kept()


def load_decoders() -> None:
    """Read the lists of words and import every decoder. Later no descriptor may be left for these files."""
    samples = (
        "nginx/1.2",
        "c2FtcGxl",
        "=41=42",
        "%41%42",
        "&#65;&#66;",
        "\\u0041",
        "203-0-113-7.a.example",
        "xn--a.example",
    )
    keep_known_shapes({"test_keys": {"x_title": " ".join(samples), "server": samples[0]}}, b"")
    load_types()
    keep_known_shapes({"test_keys": {"x_title": list(samples), "x_redirect_host": samples[-2]}}, b"")


class _Fields:
    """Apply one rule to each field of one measurement."""

    def __init__(self, document: Json, key: bytes) -> None:
        self._document, self._key = document, key
        keys = document.get("test_keys") or {}
        own = _own_strings([document.get("software_version"), keys])
        self._own_strings = frozenset(
            own | {text.replace(":443/", "/").replace(":80/", "/") for text in own if "://" in text}
        )
        names = frozenset(name for text in self._own_strings for name in _names_in(text))
        self._context = CertificateContext(names, frozenset(filter(is_address, self._own_strings)))
        self._public = frozenset(_valid_certificates(keys))
        self._texts: dict[tuple[str, str], str] = {}
        named: dict[str, Callable[[str], str]] = {
            "x_redirect_host": self._name,
            "raw_response": lambda text: kept_message(text, self._context.names),
            "x_body_sha256": lambda text: keyed(text, key),
            "outer_server_name": self._name,
            "echconfig": lambda text: kept_configs(text, self._context.names),
        }
        named |= dict.fromkeys(_FAILURES, kept_failure)
        kept = {
            "answer": lambda text: kept_answer(text, self._context.names),
            "product": self._product,
            "text": self._text,
        }
        self._rules = named | {name: kept[rule] for name, rule in _kept_as().items()}

    def kept(self) -> Json:
        keys = self._document.get("test_keys")
        return self._document | {"test_keys": self._object(keys, foreign=False)} if isinstance(keys, dict) else {}

    def _value(self, key: str, value: Any, *, foreign: bool) -> Any:
        if isinstance(value, dict):
            return self._object(value, foreign=foreign, key=key)
        if isinstance(value, list):
            return [self._value(key, item, foreign=foreign) for item in value]
        if isinstance(value, str):
            return self._string(key, value, foreign=foreign)
        if isinstance(value, bool) or value is None or (key in COUNTERS and not foreign):
            return value
        return value if abs(value) < LARGEST_NUMBER else None

    def _object(self, value: Json, *, foreign: bool, key: str = "") -> Json:
        if value.get("format") == "base64" and isinstance(value.get("data"), str):
            return kept_bytes(value)
        if "answer_type" in value and isinstance(value.get("hostname"), str):
            value = value | {"hostname": self._name(value["hostname"])}
        if "code" in value and isinstance(value.get("headers"), dict):
            value = self._response(value)
        if foreign and key == "request":
            value = {name: value[name] for name in ("method", "url", "x_transport") if name in value} | _host_of(value)
        if foreign and "answer_type" not in value:  # elsewhere they say whether a family works
            value = {
                name: inner for name, inner in value.items() if name not in _FAMILIES or not isinstance(inner, str)
            }
        chain = value.get("peer_certificates")
        handshake = self._handshake(value, chain) if isinstance(chain, list) else {}
        result = {}
        for name, inner in value.items():
            if (
                name in handshake
                or (name in OUR_OWN and not foreign)
                or (name in {"headers", "headers_list"} and "code" in value)
            ):
                result[name] = handshake.get(name, inner)
            elif not foreign or self._is_plain_key(name, key):
                result[name] = self._value(name, inner, foreign=foreign or name in HELPERS)
        return handshake | result

    def _string(self, key: str, text: str, *, foreign: bool) -> str:
        known = self._texts.get((key, text))
        if known is None:
            rule = self._rules.get(key, self._foreign if foreign else _unchanged)
            if foreign and key in ADDRESSES and is_address(text):
                rule = _unchanged
            known = self._texts[key, text] = rule(text)
        return known

    def _text(self, text: str) -> str:
        return kept_text(text, self._context.names)

    def _product(self, text: str) -> str:
        known = text in self._own_strings or _OWN_VERSION.fullmatch(text)
        return text if known else kept_product(text, self._context.names)

    def _name(self, name: str) -> str:
        return kept_name(name, self._context.names, self._key)

    def _foreign(self, text: str) -> str:
        """Return a string of a helper's answer that has no rule of its own."""
        known = text in self._own_strings or text in _CONSTANTS or _CIPHER.fullmatch(text) or _is_digest(text)
        words = text.replace("_", " ")
        if known or self._text(words) == words or ("://" in text and self._location(text) == text):
            return text
        return self._text(text)

    def _is_plain_key(self, key: str, place: str) -> bool:
        """Return whether a key of a helper's answer is kept. OONI's helper uses addresses and endpoints as keys."""
        words = key.replace("_", " ")
        known = key in _field_names() or key in self._own_strings or (place in _BY_ADDRESS and is_address(key))
        known = known or (place == "lookups" and is_resolver(key))
        return known or self._text(words) == words

    def _response(self, response: Json) -> Json:
        found = {name: text for name, text in response["headers"].items() if isinstance(text, str)}
        headers = {name: self._header(name, text) for name, text in found.items() if self._text(name) == name}
        return (
            response
            | {"headers": headers}
            | (
                {"headers_list": sorted([name, text] for name, text in headers.items())}
                if "headers_list" in response
                else {}
            )
        )

    def _header(self, name: str, text: str) -> str:
        if name.lower() == "location":
            return self._location(text)
        if name.lower() == "content-length":
            return text if text.isdigit() and int(text) < LARGEST_NUMBER else self._text(text)
        return kept_product(text, self._context.names)

    def _location(self, url: str) -> str:
        return url if url in self._own_strings else kept_url(url, self._context.names, self._key)

    def _handshake(self, entry: Json, chain: list[Any]) -> Json:
        """Return the certificates of a handshake that are kept, and facts about a leaf that is not."""
        ders = [der for item in chain if (der := _der_of(item))]
        plain = [der in self._public or is_plain_certificate(der, self._context) for der in ders]
        if not ders or plain[0]:
            kept = [der for der, fine in zip(ders, plain, strict=True) if fine]
            return {"peer_certificates": [{"format": "base64", "data": b64encode(der).decode()} for der in kept]}
        name = entry.get("server_name")
        facts = withheld_leaf(ders[0], name if isinstance(name, str) else "", self._key, self._context)
        return {"peer_certificates": [], "x_withheld_leaf": vars(facts)}


def _host_of(request: Json) -> Json:
    """Return the Host header of a helper's request. Its other headers are constants of our program."""
    headers = request.get("headers")
    host = headers.get("Host") if isinstance(headers, dict) else None
    return {"headers": {"Host": host}} if isinstance(host, str) else {}


def _unchanged(text: str) -> str:
    return text


@cache
def _field_names() -> frozenset[str]:
    """Return the names of all fields of our formats, and the keys in answers of OONI's helper."""
    return frozenset(_OF_OONI.split()).union(*(model.model_fields for model in _models()))


@cache
def _models() -> frozenset[type[BaseModel]]:
    """Return the models of our formats."""
    found = set[type[BaseModel]]()
    waiting: list[type[BaseModel]] = [*TEST_KEYS.values(), BaseModel]
    while waiting:
        model = waiting.pop()
        waiting += model.__subclasses__()
        if model.__module__.startswith("probe.formats."):
            found.add(model)
    return frozenset(found)


def _own_strings(value: Any) -> set[str]:
    """Return the keys and strings of a measurement that no server and no helper has filled."""
    found, waiting = set[str](), [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            found.add(part)
        elif isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            own = {key: inner for key, inner in part.items() if key not in _FROM_SERVERS and key not in _ruled()}
            found.update(own)
            waiting += own.values()
    return found


def _der_of(item: Any) -> bytes | None:
    data = item.get("data") if isinstance(item, dict) else None
    return exact_base64(data) if isinstance(data, str) else None


def _names_in(text: str) -> Iterable[str]:
    try:
        host = urlsplit(text).hostname if "://" in text else text
    except ValueError:
        return ()
    return parents_of(host) if host and "." in host and not is_address(host) and " " not in host else ()


def _is_digest(text: str) -> bool:
    """Return whether a text is a SHA-256 digest, and not the digits of an encoded or compressed text."""
    return _DIGEST.fullmatch(text) is not None and not bytes.fromhex(text).isascii() and not encodes_address(text)


def _valid_certificates(value: Any) -> Iterator[bytes]:
    """Yield the certificates of handshakes whose chain was valid for the requested name. They are public."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            waiting += [inner for key, inner in part.items() if key not in HELPERS]
            if part.get("peer_certificates") and part.get("failure") is None and part.get("x_verified_name"):
                yield from (der for item in part["peer_certificates"] if (der := _der_of(item)))
