"""Keep what is known of the web addresses that servers write, and recognise plain addresses."""

import ipaddress
from functools import lru_cache
from urllib.parse import urlsplit

from probe.privacy.host_names import kept_name
from probe.privacy.server_text import kept_text

LONGEST_ADDRESS = 64  # characters, with the name of an interface


def kept_url(url: str, known: frozenset[str], key: bytes = b"") -> str:
    """Return a web address without the parts of its host and path that may be an address."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return kept_text(url)
    if parts.scheme not in {"http", "https"}:
        return kept_text(url)
    query = "?[scrubbed]" if parts.query else ""
    return f"{parts.scheme}://{kept_name(parts.hostname or '', known, key)}{port}{kept_path(parts.path)}{query}"


def kept_path(path: str) -> str:
    """Return a path in which parts that may be an address are replaced by their length: `/news/[32]`."""
    parts = path.split("/")
    kept = [part if _is_plain_part(part) else f"[{len(part)}]" for part in parts]
    together = " ".join(part for part in kept if part and not part.startswith("["))
    whole = kept_text(together) == together
    return "/".join(kept if whole else [part and f"[{len(part)}]" for part in parts])


def _is_plain_part(part: str) -> bool:
    words = part.replace("_", " ").replace(".", " ").strip()
    return kept_text(words) == words


def is_address(text: str) -> bool:
    """Return whether a text is an address in its usual form, alone or with a port."""
    host, _, port = text.rpartition(":")
    candidates = (text, host.strip("[]") if port.isdigit() and len(port) <= 5 else text)
    return text in {"system", "testhelper"} or any(map(_is_canonical, candidates))


def is_resolver(url: str) -> bool:
    """Return whether a text is the URL of a resolver with an address as its host, as in OONI's dnscheck."""
    try:
        parts = urlsplit(url)
        plain = _is_canonical(parts.hostname or "") and (parts.port or 0) >= 0
    except ValueError:
        return False
    return plain and not (parts.query or parts.fragment or parts.username) and kept_path(parts.path) == parts.path


def _is_canonical(text: str) -> bool:
    return len(text) <= LONGEST_ADDRESS and _is_usual_form(text)


@lru_cache(maxsize=4096)  # the servers of one run are in many fields
def _is_usual_form(text: str) -> bool:
    try:
        return str(ipaddress.ip_address(text)) == text
    except ValueError:
        return False
