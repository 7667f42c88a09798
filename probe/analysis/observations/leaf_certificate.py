"""Read from a leaf certificate what rules need: its digest, its issuer, and if it contains a name."""

import base64
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from probe.analysis.observations.lenient_json import flag, table, tables, text
from probe.privacy.binary_fields.der import is_for, issuer_and_subject

_LONGEST = 8192  # characters of certificate and name that are cached, since invalid input can have any length


@dataclass(frozen=True)
class Leaf:
    """Hold the SHA-256 digests of a leaf and of its issuer's name, hexadecimal, "" if unknown.

    `bears_name` is True if the leaf contains the requested name or its wildcard.
    """

    digest: str = ""
    issuer: str = ""
    self_signed: bool = False
    bears_name: bool = False


def leaf_of(chain: Any, name: str, withheld: Any = None) -> Leaf:
    """Read the first certificate of `peer_certificates`. Fields that cannot be parsed stay empty.

    `withheld` has the facts of a leaf that is not written (`x_withheld_leaf`).
    """
    if facts := table(withheld):
        same = flag(facts.get("self_signed")), flag(facts.get("bears_name"))
        return Leaf(text(facts.get("digest")), text(facts.get("issuer")), *same)
    encoded = text(table(next(iter(tables(chain)), None)).get("data"))
    return _cached(encoded, name) if len(encoded) + len(name) <= _LONGEST else _read(encoded, name)


@lru_cache(maxsize=2048)  # a server presents the same certificate for weeks
def _cached(encoded: str, name: str) -> Leaf:
    return _read(encoded, name)


def _read(encoded: str, name: str) -> Leaf:
    try:
        der = base64.b64decode(encoded, validate=True)
    except ValueError:
        return Leaf()
    if not der:
        return Leaf()
    digest, bears_name = hashlib.sha256(der).hexdigest(), is_for(der, name)
    try:
        issuer, subject = issuer_and_subject(der)
    except (IndexError, ValueError):
        return Leaf(digest, bears_name=bears_name)
    return Leaf(digest, hashlib.sha256(issuer).hexdigest(), issuer == subject, bears_name)
