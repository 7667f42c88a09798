"""Test which addresses are links of OONI Run v2, and which request stands for them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.ooni.run_links.descriptor import DescriptorError
from probe.ooni.run_links.run_link import Link, is_link, parse_link


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("https://run.ooni.org/v2/10054", "/api/v2/oonirun/links/10054"),
        ("https://run.ooni.org/v2/10054/?utm_source=x#y", "/api/v2/oonirun/links/10054"),
        ("https://run.ooni.io/v2/10054", "/api/v2/oonirun/links/10054"),
        ("https://run.ooni.io/10054", "/api/v2/oonirun/links/10054"),
        ("ooni://runv2/10054", "/api/v2/oonirun/links/10054"),
        ("https://api.ooni.org/api/v2/oonirun/links/10054", "/api/v2/oonirun/links/10054"),
        (
            "https://api.ooni.io/api/v2/oonirun/links/10054/engine-descriptor/latest",
            "/api/v2/oonirun/links/10054",
        ),
        (
            "https://api.ooni.org/api/v2/oonirun/links/10054/full-descriptor/3",
            "/api/v2/oonirun/links/10054/full-descriptor/3",
        ),
    ],
)
def test_link_stands_for_one_request(text: str, path: str) -> None:
    assert is_link(text) and parse_link(text).path == path


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("https://run.ooni.io/nettest?tn=web_connectivity&mv=1.2.0", "first OONI Run"),
        ("ooni://nettest?tn=web_connectivity", "first OONI Run"),
        ("http://run.ooni.org/v2/10054", "no link"),
        ("https://run.ooni.org.evil.example/v2/10054", "no link"),
        ("https://evil.example/run.ooni.org/v2/10054", "no link"),
        ("https://run.ooni.org/v2/../../etc", "no link"),
        ("https://run.ooni.org/v2/1\n2", "no link"),
        ("https://run.ooni.org/v2/" + "1" * 21, "no link"),
        ("https://user@run.ooni.org/v2/10054", "no link"),
        ("https://run.ooni.org:444/v2/10054", "no link"),
        ("https://raw.githubusercontent.com/a/b.json", "no link"),
    ],
)
def test_other_address_is_refused(text: str, why: str) -> None:
    with pytest.raises(DescriptorError, match=why):
        parse_link(text)


@given(st.text(alphabet="htps:/run.oi12?#@v", max_size=40) | st.text())
def test_any_text_is_refused_or_gives_digits(text: str) -> None:
    try:
        found = parse_link(text)
    except DescriptorError:
        return
    assert found.id.isascii() and found.id.isdigit() and isinstance(found, Link)


@given(st.integers(0, 10**20 - 1))
def test_every_number_is_a_link(number: int) -> None:
    assert parse_link(f"https://run.ooni.org/v2/{number}").id == str(number)
