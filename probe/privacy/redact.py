"""Redact the user's addresses and names in a measurement, in every form in which a server may return them."""

import base64
import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from probe.privacy.address_spellings import (
    SHORTEST_NAME,
    Address,
    base64_of,
    bytes_of,
    hardware_texts,
    host_parts,
    mac_of,
    prefix_texts,
    texts_of,
)
from probe.privacy.scrub import BASE64, decode_base64
from probe.privacy.scrub import SCRUBBED as SCRUBBED
from probe.privacy.scrub import scrub_text as scrub_text

OUR_OWN_TEXT = ("x_target",)  # keys whose values come from local files and not from a server
PROVIDERS = ("probe_network_name", "resolver_network_name")  # from a table of all networks, so their words name no user
PLAIN_BASE64 = ("raw_response",)  # keys with base64 that is not in a BinaryData object
_COMMON = """root user users admin administrator guest test tester probe censorprobe nobody home host hostname local
localhost localdomain linux debian ubuntu fedora arch raspberrypi raspberry android windows macos computer laptop
desktop server docker container router gateway default public private network system name unknown
wifi wi-fi wlan internet mobile hotspot"""
COMMON_WORDS = frozenset(_COMMON.split())

_PLACES = ("/home/{}", "/users/{}", "\\users\\{}", "\\\\users\\\\{}", "user={}", "username={}", "logname={}")
"""Places in which a word is a name, however short or common. In lower case, with the backslashes of JSON too."""

_NUMBERISH = re.compile(r"[0-9a-f.:_%\\x \x00-\x04-]{7,}")  # every character in a form of an address
_COLONS = re.compile(r"[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?:(?<=:)\d{1,3}(?:\.\d{1,3}){3})?", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class KnownIdentifiers:
    """Hold what is redacted: addresses (any text that `ipaddress` parses), MAC addresses, names, and paths.

    Loopback and unspecified addresses are not redacted, because they identify no user. A global IPv6 address stands for
    its whole /64, which belongs to one access line.
    """

    addresses: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()  # host name, user name
    paths: frozenset[str] = frozenset()  # home folder
    hardware: frozenset[str] = frozenset()  # MAC addresses
    networks: frozenset[str] = frozenset()  # names of wireless networks (SSID)
    needles: "Needles" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "needles", Needles.of(self))

    @classmethod
    def of(
        cls,
        addresses: Iterable[str] = (),
        *,
        words: Iterable[str] = (),
        paths: Iterable[str] = (),
        hardware: Iterable[str] = (),
        networks: Iterable[str] = (),
    ) -> "KnownIdentifiers":
        """Return the known addresses, names and paths."""
        return cls(*map(frozenset, (addresses, words, paths, hardware, networks)))

    def and_address(self, *more: str) -> "KnownIdentifiers":
        """Return a copy with more addresses, such as the public one that a helper returned."""
        return replace(self, addresses=self.addresses | set(more))

    def joined(self, other: "KnownIdentifiers") -> "KnownIdentifiers":
        """Return the union of two."""
        return KnownIdentifiers(*(mine | theirs for mine, theirs in zip(self.kinds(), other.kinds(), strict=True)))

    def kinds(self) -> tuple[frozenset[str], ...]:
        """Return the values of each kind, in the order in which `of` and the class take them."""
        return self.addresses, self.words, self.paths, self.hardware, self.networks


@dataclass(frozen=True)
class Needles:
    """Hold every form of what is redacted, computed once per run."""

    texts: tuple[str, ...]  # forms of addresses in lower case
    coded: tuple[str, ...]  # base64 in lower case, because names lose their case in transit
    exact: tuple[str, ...]  # base64 of four bytes, matched with its case because it is short
    raw: tuple[bytes, ...]
    words: tuple[str, ...]  # lower case, matched only as whole words
    phrases: tuple[str, ...]  # the same, of home folders and of names in places where only a name can be
    integers: frozenset[int]
    networks: frozenset[int]  # upper halves of IPv6 addresses

    @classmethod
    def of(cls, known: KnownIdentifiers) -> "Needles":
        """Compute the forms."""
        addresses = [one for text in known.addresses if (one := _identifying(text)) is not None]
        homes = [
            ipaddress.IPv6Network((one, 64), strict=False) for one in addresses if one.version == 6 and one.is_global
        ]
        texts = {form for one in addresses for form in texts_of(one)}
        texts |= {form for home in homes for form in prefix_texts(home)}
        raw = {form for one in addresses for form in bytes_of(one)} | {home[0].packed[:8] for home in homes}
        macs = {mac for mac in (*map(_mac, known.hardware), *map(mac_of, addresses)) if mac and _names_device(mac)}
        texts |= {form for mac in macs for form in hardware_texts(mac)}
        raw |= {form for mac in macs for form in (mac, mac[::-1], *host_parts(mac))}
        names = {word for word in (*known.words, *known.networks) if _is_specific(word)}
        words = {form.lower() for word in names for form in (word, _as_bytes(word), _as_bytes(word.lower()))}
        phrases = _phrases({word.lower() for word in known.words}, {path.rstrip("/\\").lower() for path in known.paths})
        spelled = [mac.hex(joint) for mac in macs for joint in ":-"]
        spoken = [text.encode() for text in (*map(str, addresses), *words, *phrases, *spelled)]
        coded = {form.lower() for one in (*spoken, *raw) if len(one) > 4 for form in base64_of(one)}
        exact = {base64.b64encode(packed).decode().rstrip("=") for packed in raw if len(packed) == 4}
        packed = [*(form for one in addresses for form in bytes_of(one)), *macs]
        integers = frozenset(int.from_bytes(form, "big") for form in packed)
        networks = frozenset(int(home[0]) >> 64 for home in homes)
        return cls(
            tuple(texts), tuple(coded), tuple(exact), tuple(raw), tuple(words), tuple(phrases), integers, networks
        )


def redact(document: dict[str, Any], known: KnownIdentifiers) -> dict[str, Any]:
    """Return `document` (finished JSON) without the known addresses, names and paths.

    - In strings they become `[scrubbed]`.
    - Binary fields that contain one are removed, and so is a certificate from its list.
    - A number that is one of the addresses becomes null.
    - Values under `x_target` are never changed, and neither are keys. A pair whose key contains an address is removed.

    A host, user or network name that stands alone is kept if it is shorter than four characters, is in COMMON_WORDS, or
    occurs in the document's keys, target or provider. Its removal would destroy the document. A host or user name is
    removed where it can only be a name: in the path of a home folder, after `user=`, and beside the host name.
    """
    return AddressScrubber(document, known.needles).redacted()


def holds_known(raw: bytes, known: KnownIdentifiers) -> bool:
    """Return whether bytes contain anything that `redact` removes."""
    field = {"format": "base64", "data": base64.b64encode(raw).decode()}
    return not redact({"bytes": field}, known)


class AddressScrubber:
    """Redact one document: find which forms occur in it, then replace only these in each string."""

    def __init__(self, document: dict[str, Any], needles: Needles) -> None:
        self._document = document
        self._strings: dict[str, None] = {}
        self._binaries: list[bytes] = []
        self._integers: set[int] = set()
        self._known_integers = needles.integers
        self._cleaned: dict[str, str] = {}
        self._keys_with_address: dict[str, bool] = {}
        self._collect(document, "")
        self._keep_occurring(needles)

    def _keep_occurring(self, needles: Needles) -> None:
        """Keep the forms that occur in the document."""
        text = "\n".join(self._strings)
        decoded = _with_inner(b"\n".join([*self._binaries, *map(decode_base64, BASE64.findall(text))]))
        seen = text + "\n" + decoded.decode("latin-1")
        lower = seen.lower()
        numberish = "\n".join(_NUMBERISH.findall(lower))
        self._texts = [form for form in needles.texts if form in numberish]
        self._coded = [form for form in needles.coded if form in lower]
        self._exact = [form for form in needles.exact if form in seen]
        self._raw = [form for form in needles.raw if form in decoded]
        self._networks = frozenset(half for half in _upper_halves(numberish) if half in needles.networks)
        words = [word for word in needles.words if word in lower]
        ours = _own_words(self._document) if words else set()
        self._words = [word for word in words if not set(_WORD.findall(word)) <= ours]
        self._words += [phrase for phrase in needles.phrases if phrase in lower]
        self._numbers = _any_of(map(_bounded, _longest_first(self._texts)))
        forms = [*map(_bounded, _longest_first(self._texts)), *map(_whole, _longest_first(self._words))]
        forms += map(re.escape, _longest_first(self._coded))
        self._pattern = _any_of([*forms, *(f"(?-i:{re.escape(form)})" for form in _longest_first(self._exact))])

    def redacted(self) -> dict[str, Any]:
        """Return the redacted document, or the document itself if it contains nothing known."""
        if not (self._pattern or self._raw or self._networks or self._integers):
            return self._document
        cleaned: dict[str, Any] = self._clean(self._document, "")
        return cleaned

    def _collect(self, value: Any, key: str) -> None:
        """Collect the distinct strings, the bytes of the binary fields, and the numbers that are addresses."""
        if isinstance(value, str):
            if key in PLAIN_BASE64:
                self._binaries.append(decode_base64(value))
            else:
                self._strings[value] = None
        elif _is_binary(value):
            self._binaries.append(decode_base64(value["data"]))
        elif isinstance(value, dict):
            for name, inner in value.items():
                if name not in OUR_OWN_TEXT:
                    self._strings[name] = None
                    self._collect(inner, name)
        elif isinstance(value, list):
            for inner in value:
                self._collect(inner, key)
        elif type(value) is int and value in self._known_integers:
            self._integers.add(value)

    def _clean(self, value: Any, key: str) -> Any:
        if isinstance(value, str):
            if key in PLAIN_BASE64:
                return None if self._contains(decode_base64(value)) else value
            return self._clean_text(value)
        if _is_binary(value):
            return None if self._contains(decode_base64(value["data"])) else value
        if isinstance(value, dict):
            named = {name: inner for name, inner in value.items() if not self._names_address(name)}
            cleaned = {name: one if name in OUR_OWN_TEXT else self._clean(one, name) for name, one in named.items()}
            return {name: one for name, one in cleaned.items() if one is not None or not _is_binary(named[name])}
        if isinstance(value, list):
            kept = [(item, self._clean(item, key)) for item in value]
            return [clean for item, clean in kept if not (clean is None and _is_binary(item))]
        return None if type(value) is int and value in self._integers else value

    def _clean_text(self, text: str) -> str:
        known = self._cleaned.get(text)
        if known is None:
            known = self._cleaned[text] = self._scrubbed(text)
        return known

    def _scrubbed(self, text: str) -> str:
        """Replace base64 tokens first, then addresses in the same /64, then all plain forms."""
        text = BASE64.sub(lambda found: SCRUBBED if self._contains(decode_base64(found[0])) else found[0], text)
        if self._networks:
            text = _COLONS.sub(lambda found: SCRUBBED if _upper(found[0]) in self._networks else found[0], text)
        return self._pattern.sub(SCRUBBED, text) if self._pattern else text

    def _contains(self, raw: bytes) -> bool:
        raw = _with_inner(raw)
        if any(form in raw for form in self._raw):
            return True
        text = raw.decode("latin-1")
        lower = text.lower()
        if any(form in lower for form in (*self._texts, *self._coded)) or any(form in text for form in self._exact):
            return True
        if any(re.search(_whole(word), lower) for word in self._words if word in lower):
            return True
        return bool(self._networks) and any(half in self._networks for half in _upper_halves(lower))

    def _names_address(self, key: str) -> bool:
        """Return whether a key contains an address. Keys are not searched for words, because they consist of words."""
        known = self._keys_with_address.get(key)
        if known is None:
            plain = self._numbers is not None and self._numbers.search(key) is not None
            near = bool(self._networks) and any(half in self._networks for half in _upper_halves(key))
            encoded = any(self._contains(decode_base64(token)) for token in BASE64.findall(key))
            known = self._keys_with_address[key] = plain or near or encoded
        return known


def _identifying(text: str) -> Address | None:
    """Return the address, unmapped and without zone. Return None for one that identifies no user or is none."""
    try:
        address = ipaddress.ip_address(text.split("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return None if address.is_loopback or address.is_unspecified or address.is_multicast else address


def _mac(text: str) -> bytes | None:
    """Return the six bytes of a MAC address, None for other texts."""
    digits = re.sub(r"[:.-]", "", text)
    return bytes.fromhex(digits) if re.fullmatch(r"[0-9a-fA-F]{12}", digits) else None


def _names_device(mac: bytes) -> bool:
    """Return whether a MAC address belongs to one device: no group, and not of few values that occur by chance.

    Loopback has zeros, and Android shows 02:00:00:00:00:00 to every program.
    """
    return not mac[0] & 1 and len(set(mac)) > 3


def _as_bytes(word: str) -> str:
    """Return the UTF-8 bytes of a name as one character each, as bytes are searched here."""
    return word.encode("utf-8", "replace").decode("latin-1")


def _is_specific(word: str) -> bool:
    return len(word) >= SHORTEST_NAME and word.lower() not in COMMON_WORDS and not word.isdigit()


def _phrases(words: set[str], paths: set[str]) -> set[str]:
    """Return the paths below a folder such as /home, and each word in the places where only a name can be."""
    found = {path for path in paths if path.count("/") + path.count("\\") >= 2}
    for word in words - {""}:
        found |= {place.format(word) for place in _PLACES} | {f"{word}@{other}" for other in words - {word, ""}}
    return found


def _own_words(document: dict[str, Any]) -> set[str]:
    """Return the words in the keys, in the values of the target file, and in the names of providers."""
    found: set[str] = set()

    def walk(value: Any, ours: bool) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                found.update(_WORD.findall(key.lower()))
                walk(inner, ours or key in OUR_OWN_TEXT or key in PROVIDERS)
        elif isinstance(value, list):
            for inner in value:
                walk(inner, ours)
        elif ours and isinstance(value, str):
            found.update(_WORD.findall(value.lower()))

    walk(document, False)
    return found


def _longest_first(forms: Iterable[str]) -> list[str]:
    return sorted(forms, key=len, reverse=True)


def _any_of(branches: Iterable[str]) -> re.Pattern[str] | None:
    joined = "|".join(branches)
    return re.compile(joined, re.IGNORECASE) if joined else None


def _bounded(form: str) -> str:
    """Return a pattern that does not match inside a longer number: 1.2.3.4 is not in 11.2.3.45."""
    if not re.fullmatch(r"[0-9._-]+", form):
        return re.escape(form)
    return (r"(?<!\d)" if form[0].isdigit() else "") + re.escape(form) + (r"(?!\d)" if form[-1].isdigit() else "")


def _whole(word: str) -> str:
    return rf"(?<![^\W_]){re.escape(word)}(?![^\W_])"


def _with_inner(raw: bytes) -> bytes:
    """Return the bytes, followed by the bytes of all base64 in them."""
    return b"\n".join([raw, *map(decode_base64, BASE64.findall(raw.decode("latin-1")))])


def _is_binary(value: Any) -> bool:
    return isinstance(value, dict) and value.get("format") == "base64" and isinstance(value.get("data"), str)


def _upper(token: str) -> int | None:
    """Return the upper half of an IPv6 address, None for other tokens."""
    try:
        return int(ipaddress.IPv6Address(token)) >> 64
    except ValueError:
        return None


def _upper_halves(text: str) -> Iterator[int | None]:
    return (_upper(token) for token in _COLONS.findall(text) if len(token) >= SHORTEST_NAME)
