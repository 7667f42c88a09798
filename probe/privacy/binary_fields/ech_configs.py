"""Keep a list of configurations for Encrypted ClientHello only if it contains no text but known names."""

import re
from collections.abc import Collection

from probe.privacy.host_names import parents_of
from probe.privacy.scrub import exact_base64

GREASE = "GREASE"  # in place of a list where no key is known
LONGEST = 600  # characters. A list with one key has about 100
_TEXT = re.compile(rb"[ -~]{6,}")  # what may be a name or an address in a list of binary fields


def kept_configs(coded: str, known: Collection[str]) -> str:
    """Return the list in base64, or its length if it contains other text than known names.

    Its keys are random bytes, which all clients of the server get.
    """
    raw = exact_base64(coded) if len(coded) <= LONGEST else None
    if coded == GREASE:
        return coded
    names = {name.encode() for each in known for name in (each, *parents_of(each))}
    texts = [] if raw is None else _TEXT.findall(raw)
    if raw is None or not texts or not all(_is_name_in(text, names) for text in texts):
        return f"[opaque, {len(coded)} characters]"
    return coded


def _is_name_in(text: bytes, names: Collection[bytes]) -> bool:
    """Return whether a text is a known name, with at most two bytes of other fields around it."""
    return any(name in text and len(text) <= len(name) + 2 for name in names)
