"""Recognise addresses that WhatsApp published for its chat servers, which OONI's nettest only connects to.

OONI's probe sends these servers no byte, so neither a certificate nor a protocol can verify their addresses.
"""

import re
import tomllib
from functools import cache

from probe.signatures.forged_answers import DATA

_CHAT_SERVER = re.compile(r"e([1-9]|1[0-6])\.whatsapp\.net")  # the names in OONI's specification


@cache
def _whatsapp_chat() -> frozenset[str]:
    """Read the list. Its sources and dates are in the file."""
    return frozenset(tomllib.loads(DATA.read_text(encoding="utf-8"))["whatsapp_chat"])


def are_published(name: str, addresses: tuple[str, ...]) -> bool:
    """Return True if the name is one of WhatsApp's chat servers, and WhatsApp published each of the addresses."""
    return bool(addresses) and _CHAT_SERVER.fullmatch(name) is not None and _whatsapp_chat().issuperset(addresses)
