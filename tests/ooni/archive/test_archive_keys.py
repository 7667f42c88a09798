"""Test which keys answer a question, in both layouts and without any measurement twice."""

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.ooni.archive.archive_bucket import Unusable, page_query, parse_page
from probe.ooni.archive.archive_keys import ArchivedFile, ArchiveQuery, choose

RAW = "raw/20210817/15/US/webconnectivity/2021081715_US_webconnectivity.n0.0"
OLD = "jsonl/webconnectivity/IT/20200921/00/20200921_IT_webconnectivity.l.0.jsonl.gz"


def question(since: str, until: str) -> ArchiveQuery:
    return ArchiveQuery(("IT",), ("web_connectivity",), date.fromisoformat(since), date.fromisoformat(until))


def chosen(*keys: str) -> list[str]:
    return [stored.key for stored in choose([ArchivedFile(key, 1, "") for key in keys])]


def test_query_has_prefixes_of_both_layouts() -> None:
    assert list(question("2020-09-21", "2020-09-22").prefixes()) == ["jsonl/webconnectivity/IT/20200921/"]
    new = list(question("2021-08-17", "2021-08-18").prefixes())
    assert len(new) == 24 and new[15] == "raw/20210817/15/IT/webconnectivity/"
    both = list(question("2020-10-20", "2020-10-21").prefixes())
    assert len(both) == 25 and both[0] == "jsonl/webconnectivity/IT/20201020/"
    assert not [prefix for prefix in question("2020-10-21", "2020-10-22").prefixes() if prefix.startswith("jsonl")]


def test_examples_of_archive_readme_are_chosen() -> None:
    assert chosen(f"{RAW}.jsonl.gz", OLD) == [OLD, f"{RAW}.jsonl.gz"]


def test_tarball_beside_jsonl_is_not_chosen() -> None:
    assert chosen(f"{RAW}.jsonl.gz", f"{RAW}.tar.gz", RAW[:-1] + "1.tar.gz") == [f"{RAW}.jsonl.gz"]
    assert chosen(f"{RAW}.tar.gz") == [f"{RAW}.tar.gz"]


def test_day_in_both_layouts_is_chosen_once() -> None:
    old = "jsonl/webconnectivity/IT/20201020/00/20201020_IT_webconnectivity.l.0.jsonl.gz"
    new = "raw/20201020/15/IT/webconnectivity/2020102015_IT_webconnectivity.n0.0.jsonl.gz"
    assert chosen(old, new) == [old]
    assert chosen(new) == [new]


@pytest.mark.parametrize(
    "key",
    ["", "../../etc/passwd", f"{RAW}.jsonl.gz/../../x", f"/{RAW}.jsonl.gz", f"{RAW}.exe", f"{RAW}.jsonl.gz\n", "raw/"],
)
def test_other_keys_are_not_chosen(key: str) -> None:
    assert chosen(key) == []


@given(st.lists(st.text() | st.sampled_from([RAW + ".jsonl.gz", RAW + ".tar.gz", OLD])))
def test_chosen_keys_stay_in_their_folder(keys: list[str]) -> None:
    assert all(".." not in key and key.startswith(("raw/", "jsonl/")) for key in chosen(*keys))


def test_continuation_token_is_escaped() -> None:
    assert page_query("raw/a b/", "1/+&=") == (
        "list-type=2&max-keys=1000&prefix=raw%2Fa%20b%2F&continuation-token=1%2F%2B%26%3D"
    )


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "no XML"),
        (b"<html/>", "'html'"),
        (b"<Error><Code>AccessDenied</Code></Error>", "'Error'"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><ListBucketResult/>', "entities"),
        (
            b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
            "a further page and does not name it",
        ),
        (b"<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>", "without a size"),
    ],
)
def test_invalid_listing_is_refused(raw: bytes, why: str) -> None:
    with pytest.raises(Unusable, match=why):
        parse_page(raw)


BOMB = '<?xml version="1.0" encoding="{}"?><!DOCTYPE a [<!ENTITY b "file">]><ListBucketResult>&b;</ListBucketResult>'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_entities_are_refused_in_every_encoding(encoding: str) -> None:
    with pytest.raises(Unusable, match="entities" if encoding.startswith("utf-8") else "no XML"):
        parse_page(BOMB.format(encoding.removesuffix("-sig")).encode(encoding))


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with suppress(Unusable):
        assert parse_page(b"<ListBucketResult>" + raw) is not None
