"""Draw an address, its disguise and a field, write the record, and search it."""

import json
import random
from dataclasses import dataclass, field
from functools import cache

from probe.privacy.redact import KnownIdentifiers, redact
from probe.privacy.server_fields import keep_known_shapes
from tests.privacy.encoded.encodings import Disguise, draw, public_address
from tests.privacy.encoded.fields import FIELDS, Json, planted, template
from tests.privacy.encoded.search import finds, strings_in

KEY = bytes(range(32))
SHORTEST = 6  # characters of a form that is searched for as it stands


@dataclass
class Draws:
    """Count what was drawn and hold what leaked."""

    leaks: list[str] = field(default_factory=list)
    planted: int = 0
    drawn: int = 0


def run(number: int, seed: int) -> Draws:
    """Draw so many times. In every second draw the probe does not know the address, as behind a NAT."""
    chance, done = random.Random(seed), Draws()
    fields = sorted(FIELDS)
    for count in range(number):
        disguise = draw(chance, public_address(chance))
        where = chance.choice(fields)
        known = KnownIdentifiers.of([disguise.address]) if count % 2 else KnownIdentifiers()
        done.drawn += 1
        done.planted += planted(where, disguise.text) != template_of(where)
        if found := leaked(where, disguise, known):
            done.leaks.append(f"{where}: {disguise.address} as {', '.join(disguise.kinds)}: {found[0]!r}")
    return done


def leaked(where: str, disguise: Disguise, known: KnownIdentifiers) -> list[str]:
    """Plant a disguise in a field and return the written strings that show the address."""
    return leaks(written(planted(where, disguise.text), known), disguise, baseline(where))


@cache
def template_of(where: str) -> Json:
    return template(where)


@cache
def baseline(where: str) -> frozenset[str]:
    """Return the strings that are written without a planted address."""
    return frozenset(strings_in(written(template(where), KnownIdentifiers())))


def written(document: Json, known: KnownIdentifiers) -> Json:
    """Return the measurement as a run writes it."""
    record: Json = json.loads(json.dumps(redact(keep_known_shapes(document, KEY), known)))
    return record


def leaks(record: Json, disguise: Disguise, known: frozenset[str]) -> list[str]:
    """Return the written strings that contain a form of the disguise, or the address after decoding."""
    new = set(strings_in(record)) - known
    forms = {form.lower() for form in disguise.forms if len(form) >= SHORTEST}
    plain = [text for text in new if any(form in text.lower() for form in forms)]
    return plain or finds(sorted(new), disguise.address)
