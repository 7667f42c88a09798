"""Test which rows of a list of web addresses become targets and which are reported and left out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.targets.url_lists import NETTEST, WebList, read_list, web_endpoint, web_target

CSV = """url,category_code,category_description,date_added,source,notes
https://news.example/,NEWS,News Media,2017-04-12,citizenlab,
https://news.example:443/,NEWS,again,2017-04-12,citizenlab,
"http://shop.example/a,b",COMM,"E, commerce",2017-04-12,citizenlab,
,NEWS,nothing,2017-04-12,citizenlab,
https://odd.example/,<script>,odd,2017-04-12,citizenlab,
"""


def read(text: str) -> WebList:
    found = WebList()
    read_list(text, "list", found)
    return found


@pytest.mark.parametrize(
    ("url", "endpoint", "path"),
    [
        ("https://www.example.org", "https://www.example.org:443/", "/"),
        ("http://WWW.Example.org:8080/A?b=c#part", "http://www.example.org:8080/A?b=c", "/A?b=c"),
        ("http://example.org/a;b=1", "http://example.org:80/a;b=1", "/a;b=1"),
        # RFC 3492, 7.1 (B), Chinese (simplified), as one label
        ("http://他们为什么不说中文.example/", "http://xn--ihqwcrb4cv8a8dqg056pqjye.example:80/", "/"),
        ("https://bücher.example/ä?ö", "https://xn--bcher-kva.example:443/%C3%A4?%C3%B6", "/%C3%A4?%C3%B6"),
        ("https://[2a00:1450:4001::1]/", "https://[2a00:1450:4001::1]:443/", "/"),
    ],
)
def test_web_address_becomes_an_endpoint(url: str, endpoint: str, path: str) -> None:
    made = web_endpoint(url)
    assert (made.url, made.path, made.ooni) == (endpoint, path, True)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://example.org/", "no web address"),
        ("example.org", "no web address"),
        ("https:///path", "no web address"),
        ("https://me:secret@example.org/", "user name or a password"),
        ("https://example.org:0/", "no usable port"),
        ("https://example.org:99999/", "no usable port"),
        ("https://exa mple.org/", "blanks or control"),
        ("https://example.org/\x1b[2J", "blanks or control"),
        ("https://localhost/", "no host name"),
        ("https://-a.example/", "no host name"),
        ("https://\u2488.example/", "DNS allows"),
        ("http://192.168.1.1/", "private"),
        ("http://[::1]/", "private"),
        ("https://example.org/" + "a" * 2048, "At most 2048"),
    ],
)
def test_unusable_address_is_refused_with_the_reason(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        web_endpoint(url)
    assert "secret" not in str(caught.value)


def test_web_address_becomes_a_target() -> None:
    target = web_target("https://news.example", "NEWS")
    assert (target.name, target.input, target.nettest, target.category) == (
        "https://news.example", "https://news.example", NETTEST, "NEWS",
    )  # fmt: skip
    assert [endpoint.url for _, endpoint in target.endpoints()] == ["https://news.example:443/"]
    assert target.digest != web_target("https://other.example").digest


def test_plain_list_has_one_address_per_line() -> None:
    found = read("\ufeff# mine\n\nhttps://a.example/\r\n  http://b.example/  \nhttps://A.example:443/\nnonsense\n")
    assert [target.input for target in found.targets] == ["https://a.example/", "http://b.example/"]
    (problem,) = found.problems
    assert problem.startswith("list, line 6: 'nonsense' is no web address") and problem.endswith("left out.")


def test_csv_rows_become_targets_with_a_category() -> None:
    found = read(CSV)
    assert [(target.input, target.category) for target in found.targets] == [
        ("https://news.example/", "NEWS"),
        ("http://shop.example/a,b", "COMM"),
        ("https://odd.example/", ""),
    ]
    (problem,) = found.problems
    assert problem.startswith("list, line 5: '' is no web address")


def test_broken_csv_keeps_the_rows_before_the_error() -> None:
    found = read("url,notes\nhttps://a.example/,fine\nhttps://b.example/," + "x" * 200_000 + "\n")
    assert [target.input for target in found.targets] == ["https://a.example/"]
    assert "The rest is left out" in found.problems[0]


@given(st.text())
def test_any_text_is_read_without_an_exception(text: str) -> None:
    read(text)
    read("url,x\n" + text)


@given(st.text(), st.sampled_from(["http://", "https://", "https://[", "http://a.example:", "http://a.example/"]))
def test_any_address_is_taken_or_refused_with_a_reason(text: str, scheme: str) -> None:
    try:
        endpoint = web_endpoint(scheme + text)
    except ValueError as error:
        assert str(error)
    else:
        assert endpoint.url.isascii() and web_endpoint(endpoint.url).url == endpoint.url
