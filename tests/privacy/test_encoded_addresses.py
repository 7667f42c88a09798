"""Test that no encoded address is written, whatever field it is in, known or not.

`python -m tests.privacy.encoded` draws 20,000 times. Behind a NAT without a helper the probe does not know its public
address.
"""

import random
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from probe.privacy.redact import KnownIdentifiers
from tests.privacy.encoded import draws
from tests.privacy.encoded.encodings import ENCODINGS, MOST_ENCODINGS, Disguise, disguised, public_address, spellings
from tests.privacy.encoded.fields import FIELDS, planted, template
from tests.privacy.encoded.search import finds

ADDRESS, ADDRESS_6 = "203.0.113.207", "2a0e:97c0:108:f7b9:4d7:6de8:6d31:6b4a"


@st.composite
def disguises(draw: Callable[[st.SearchStrategy[str]], str]) -> Disguise:
    address = draw(st.integers(0, 2**32).map(lambda seed: public_address(random.Random(seed))))
    spelling = draw(st.sampled_from(sorted(spellings(address))))
    names = draw(st.lists(st.sampled_from(sorted(ENCODINGS)), max_size=MOST_ENCODINGS))  # type: ignore[arg-type]
    return disguised(address, spelling, names)


@settings(
    max_examples=600,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(disguise=disguises(), where=st.sampled_from(sorted(FIELDS)), told=st.booleans())
def test_no_encoded_address_is_written(disguise: Disguise, where: str, told: bool) -> None:
    known = KnownIdentifiers.of([disguise.address]) if told else KnownIdentifiers()
    assert draws.leaked(where, disguise, known) == [], f"{where}: {', '.join(disguise.kinds)}"


@pytest.mark.parametrize("address", [ADDRESS, ADDRESS_6])
def test_each_spelling_is_removed_from_fields(address: str) -> None:
    """Test every spelling in every fifth field, because hypothesis may miss one in a run."""
    plain = [disguised(address, spelling, ()) for spelling in spellings(address)]
    pairs = [(where, one) for at, where in enumerate(FIELDS) for one in plain[at % 5 :: 5]]
    left = [(where, one.kinds) for where, one in pairs if draws.leaked(where, one, KnownIdentifiers())]
    assert left == []


@pytest.mark.parametrize("encoding", sorted(ENCODINGS))
def test_search_finds_each_encoding(encoding: str) -> None:
    """Show that the search would find an address, twice encoded, if it were written."""
    if encoding.startswith("rot13"):
        return_to = disguised(ADDRESS, "plain", [encoding])
        assert draws.leaks({"text": return_to.text}, return_to, frozenset())  # by its text, which no decoder undoes
        return
    for again in ([], ["base64"], ["percent"]):
        disguise = disguised(ADDRESS, "plain", [encoding, *again])
        assert finds({"text": disguise.text}, ADDRESS), disguise.kinds


@pytest.mark.parametrize("where", sorted(FIELDS))
def test_each_field_is_planted(where: str) -> None:
    """Show that an address reaches each field of the measurement before it is reduced."""
    assert finds(planted(where, "203-0-113-207"), ADDRESS) and not finds(template(where), ADDRESS)
