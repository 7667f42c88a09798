"""Read untrusted JSON without errors. A value that is missing or has the wrong type reads as empty."""

import re
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

_LONGEST_ADDRESS = 64  # characters that are cached, since invalid input can have any length
_LARGEST = 2**62  # SQL integers end at 2**63
_NETWORK = re.compile(r"[Aa][Ss](\d{1,20})")
_LAST_NETWORK = 2**32 - 1  # RFC 6793
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)Z?", re.ASCII)


def table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def tables(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list, without its other elements."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    """Return the string, or "".

    Lone surrogates become question marks, since no encoding can write them. So does U+0000, since SQL ends texts there.
    """
    if not isinstance(value, str):
        return ""
    whole = value.replace("\0", "?") if "\0" in value else value
    return whole if whole.isascii() else whole.encode("utf-8", "replace").decode()


def texts(value: Any) -> tuple[str, ...]:
    return tuple(text(item) for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def moment(value: Any) -> str:
    """Return a time in the form of verdict records, `YYYY-MM-DDTHH:MM:SSZ`. Other texts stay unchanged."""
    found = _DATE.fullmatch(text(value))
    return f"{found[1]}T{found[2]}Z" if found else text(value)


def network_number(value: Any) -> str:
    """Return the number of a network in its only spelling, `AS44244`, or "" for what is no number of a network.

    `AS044244`, `as44244` and digits of other scripts would each count as a further network.
    """
    found = _NETWORK.fullmatch(text(value))
    return f"AS{whole}" if found and (whole := int(found[1])) <= _LAST_NETWORK else ""


def number(value: Any) -> int:
    """Return the integer, or 0. A bool counts as no number."""
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST else 0


def seconds(value: Any) -> float:
    """Return the finite number, or 0."""
    usable = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST
    return float(value) if usable else 0.0


def seconds_or_none(value: Any) -> float | None:
    """Return the finite number, or None."""
    usable = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST
    return float(value) if usable else None


def flag(value: Any, default: bool = False) -> bool:
    return value if isinstance(value, bool) else default


def failure(value: Any) -> str | None:
    """Return the failure string, None for success, `unknown_failure` for a value of the wrong type."""
    return None if value is None else text(value) or "unknown_failure"


def address(value: Any) -> str:
    """Return the address in canonical form. A string that is no address stays unchanged."""
    raw = text(value)
    return _cached(raw) if len(raw) <= _LONGEST_ADDRESS else _canonical(raw)


@lru_cache(maxsize=16384)
def _cached(raw: str) -> str:
    return _canonical(raw)


def _canonical(raw: str) -> str:
    try:
        return ip_address(raw.strip("[]")).compressed
    except ValueError:
        return raw


def name(value: Any) -> str:
    """Return a host name in the form used for comparison: lower case, without a final dot."""
    return text(value).lower().rstrip(".")
