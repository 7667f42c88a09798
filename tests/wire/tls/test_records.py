"""Test that the record watch finds headers and alerts in pieces of any size and accepts any bytes."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.tls.records import HEADER, KEPT, LONGEST, Alert, RecordWatch, is_prefix_of_record

BODIES = st.binary(min_size=1, max_size=60)
KINDS = st.integers(20, 23)


def record(kind: int, body: bytes, minor: int = 3) -> bytes:
    return bytes([kind, 3, minor]) + len(body).to_bytes(2, "big") + body


def watch(*pieces: bytes) -> RecordWatch:
    watching = RecordWatch()
    for piece in pieces:
        watching.feed(piece)
    return watching


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def test_alert_in_the_clear_is_read() -> None:
    seen = watch(record(21, b"\x02\x28"))
    assert seen.answered
    assert seen.alert == Alert(2, 40)
    assert not seen.not_tls


def test_half_a_record_is_an_answer_and_half_a_header_is_none() -> None:
    whole = record(22, b"\x02\x00\x00\x05hello")
    assert watch(whole[:HEADER]).answered
    half = watch(whole[: HEADER - 1])
    assert not half.answered
    assert not half.not_tls


@pytest.mark.parametrize(
    "start", [b"H", b"HTTP/1.1 403", b"\x16\x02", b"\x16\x03\x05", b"\x16\x03\x03\x00\x00", b"\x00"]
)
def test_other_bytes_are_no_tls(start: bytes) -> None:
    assert watch(start).not_tls
    assert not watch(start).answered


def test_record_over_the_limit_is_no_tls() -> None:
    assert not is_prefix_of_record(b"\x16\x03\x03" + (LONGEST + 1).to_bytes(2, "big"))
    assert is_prefix_of_record(b"\x16\x03\x03" + LONGEST.to_bytes(2, "big"))


def test_encrypted_alert_is_no_alert() -> None:
    assert watch(record(22, b"x"), record(21, b"\x02\x28" + bytes(24))).alert is None


def test_other_bytes_after_a_record_end_the_search() -> None:
    seen = watch(record(22, b"x") + b"<html>" + record(21, b"\x02\x28"))
    assert seen.answered
    assert not seen.not_tls
    assert seen.alert is None


def test_first_bytes_are_kept() -> None:
    assert watch(b"a" * 300, b"b" * 300).start == b"a" * KEPT


@given(st.lists(st.tuples(KINDS, BODIES), min_size=1, max_size=5), st.lists(st.integers(0, 10_000), max_size=8))
def test_pieces_of_any_size_give_the_same_result(records: list[tuple[int, bytes]], places: list[int]) -> None:
    stream = b"".join(record(kind, body) for kind, body in records)
    whole, pieces = watch(stream), watch(*cut(stream, places))
    assert (whole.answered, whole.alert, whole.start) == (pieces.answered, pieces.alert, pieces.start)
    assert whole.answered
    clear = [Alert(*body) for kind, body in records if kind == 21 and len(body) == 2 and body[0] in (1, 2)]
    assert whole.alert == (clear[-1] if clear else None)


@given(st.binary(max_size=400), st.lists(st.integers(0, 10_000), max_size=8))
def test_any_bytes_give_the_same_result_in_pieces(data: bytes, places: list[int]) -> None:
    whole, pieces = watch(data), watch(*cut(data, places))
    assert (whole.answered, whole.not_tls, whole.alert) == (pieces.answered, pieces.not_tls, pieces.alert)
    assert not (whole.answered and whole.not_tls)
    assert whole.answered == (len(data) >= HEADER and is_prefix_of_record(data[:HEADER]))
