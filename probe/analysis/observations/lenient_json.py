"""Lenient access to JSON written by anyone: what is absent or of the wrong type reads as nothing, and never raises."""

from functools import lru_cache
from ipaddress import ip_address
from typing import Any

_LONGEST_ADDRESS = 64  # that is remembered: junk may be of any length
_LARGEST = 2**62  # SQL integers end at 2**63


def table(value: Any) -> dict[str, Any]:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def tables(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; whatever else it holds is left out."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    """The string, or an empty one. Lone surrogates, which no encoding can write, become question marks."""
    if not isinstance(value, str):
        return ""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def texts(value: Any) -> tuple[str, ...]:
    """The strings of a list."""
    return tuple(text(item) for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def number(value: Any) -> int:
    """The integer, or 0; a bool is no number."""
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST else 0


def seconds(value: Any) -> float:
    """The finite number, or 0."""
    fine = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST
    return float(value) if fine else 0.0


def flag(value: Any, default: bool = False) -> bool:
    """The bool, or the default."""
    return value if isinstance(value, bool) else default


def failure(value: Any) -> str | None:
    """The failure string, None for success; something broken is a failure that says nothing."""
    return None if value is None else text(value) or "unknown_failure"


def address(value: Any) -> str:
    """The address in its canonical form; what is no address stays as it is."""
    raw = text(value)
    return _remembered(raw) if len(raw) <= _LONGEST_ADDRESS else _canonical(raw)


@lru_cache(maxsize=16384)
def _remembered(raw: str) -> str:
    return _canonical(raw)


def _canonical(raw: str) -> str:
    try:
        return ip_address(raw.strip("[]")).compressed
    except ValueError:
        return raw


def name(value: Any) -> str:
    """A host name as it is compared: lower case, no final dot."""
    return text(value).lower().rstrip(".")
