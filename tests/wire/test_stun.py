"""Test STUN messages: vectors of RFC 5769, malformed messages, and round trips."""

import ipaddress
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire import stun

# RFC 5769, sections 2.1, 2.2 and 2.3. The padding is not zero there, on purpose.
TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
HEADER = "2112a442" + TRANSACTION.hex()
REQUEST = bytes.fromhex(
    f"00010058{HEADER}"
    "80220010 5354554e207465737420636c69656e74"
    "00240004 6e0001ff"
    "80290008 932ff9b151263b36"
    "00060009 6576746a3a68367659 202020"
    "00080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
    "80280004 e57a3bcf"
)
RESPONSE_V4 = bytes.fromhex(
    f"0101003c{HEADER}"
    "8022000b 7465737420766563746f72 20"
    "00200008 0001a147e112a643"
    "00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7"
    "80280004 c07d4c96"
)
RESPONSE_V6 = bytes.fromhex(
    f"01010048{HEADER}"
    "8022000b 7465737420766563746f72 20"
    "00200014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    "00080014 a382954e4be67bf11784c97c8292c275bfe3ed41"
    "80280004 c8fb0b4c"
)
VECTORS = [REQUEST, RESPONSE_V4, RESPONSE_V6]

transactions = st.binary(min_size=12, max_size=12)
addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))
ports = st.integers(0, 65535)


def with_attribute(number: int, value: bytes) -> stun.STUNMessage:
    return stun.parse(stun.build("success", stun.BINDING, TRANSACTION, ((number, value),)))


def test_sample_request_of_rfc_5769_is_parsed() -> None:
    message = stun.parse(REQUEST)
    assert (message.kind, message.method, message.transaction_id) == ("request", stun.BINDING, TRANSACTION)
    assert message.software == "STUN test client"
    assert message.first(0x0006) == b"evtj:h6vY"
    assert message.fingerprint_valid is True and message.mapped is None and message.error_code == 0


def test_sample_responses_of_rfc_5769_are_parsed() -> None:
    over_v4, over_v6 = stun.parse(RESPONSE_V4), stun.parse(RESPONSE_V6)
    assert over_v4.mapped == ("192.0.2.1", 32853)
    assert over_v6.mapped == ("2001:db8:1234:5678:11:2233:4455:6677", 32853)
    for message in (over_v4, over_v6):
        assert (message.kind, message.method, message.transaction_id) == ("success", stun.BINDING, TRANSACTION)
        assert (message.software, message.fingerprint_valid) == ("test vector", True)


@pytest.mark.parametrize("vector", VECTORS)
def test_any_changed_bit_shows_in_the_fingerprint_or_breaks_the_message(vector: bytes) -> None:
    for position in range(8 * len(vector)):
        raw = bytearray(vector)
        raw[position // 8] ^= 0x80 >> position % 8
        try:
            message = stun.parse(bytes(raw))
        except ValueError:
            continue
        assert message.fingerprint_valid is not True, f"bit {position}"


@pytest.mark.parametrize("vector", VECTORS)
def test_shortened_or_lengthened_message_is_refused(vector: bytes) -> None:
    for end in range(len(vector)):
        with pytest.raises(ValueError):
            stun.parse(vector[:end])
    with pytest.raises(ValueError):
        stun.parse(vector + b"\0")


@pytest.mark.parametrize("vector", VECTORS)
def test_length_in_the_header_frames_a_stream(vector: bytes) -> None:
    assert stun.length_of(vector[: stun.HEADER]) == len(vector)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n",
        RESPONSE_V4[:4] + b"\x21\x12\xa4\x43" + RESPONSE_V4[8:],  # RFC 3489 had no cookie
        b"\x41" + RESPONSE_V4[1:],  # the two first bits are zero
        RESPONSE_V4[:3] + b"\x3e" + RESPONSE_V4[4:],  # lengths count whole words
        RESPONSE_V4[:19],
    ],
)
def test_other_bytes_are_no_stun(raw: bytes) -> None:
    assert not stun.is_stun(raw)
    with pytest.raises(ValueError):
        stun.length_of(raw)


@pytest.mark.parametrize("attribute", ["0020000c0001a147e112a643", "00200008", "0020ffff0001a147e112a643"])
def test_attribute_beyond_the_end_is_refused(attribute: str) -> None:
    body = bytes.fromhex(attribute)
    with pytest.raises(ValueError):
        stun.parse(bytes.fromhex(f"0101{len(body):04x}{HEADER}") + body)


@pytest.mark.parametrize(
    ("number", "value", "mapped"),
    [
        (0x0001, "000182350a000001", ("10.0.0.1", 0x8235)),  # MAPPED-ADDRESS, from old servers
        (0x8020, "0001a147e112a643", ("192.0.2.1", 32853)),
        (0x0020, "0003a147e112a643", None),  # no such family
        (0x0020, "0002a147e112a643", None),  # IPv6 with four bytes
        (0x0020, "0001a147e112a64300", None),
        (0x0020, "0001a1", None),
        (0x0020, "", None),
        (0x0021, "0001a147e112a643", None),
    ],
)
def test_mapped_address_is_parsed(number: int, value: str, mapped: tuple[str, int] | None) -> None:
    assert with_attribute(number, bytes.fromhex(value)).mapped == mapped


def test_the_exclusive_or_counts_before_the_plain_address_and_the_first_before_the_second() -> None:
    attributes = (
        (stun.MAPPED_ADDRESS, bytes.fromhex("000100010a000001")),
        stun.xor_mapped_address("192.0.2.1", 1, TRANSACTION),
        stun.xor_mapped_address("192.0.2.2", 2, TRANSACTION),
    )
    assert stun.parse(stun.build("success", stun.BINDING, TRANSACTION, attributes)).mapped == ("192.0.2.1", 1)


@pytest.mark.parametrize(
    ("value", "code"),
    [("00000401", 401), ("00000663", 699), ("000004015374", 401), ("00000464", 0), ("00000200", 0), ("000004", 0)],
)
def test_error_code_is_parsed(value: str, code: int) -> None:
    assert with_attribute(stun.ERROR_CODE, bytes.fromhex(value)).error_code == code


def test_fingerprint_before_another_attribute_is_invalid() -> None:
    good = stun.build("success", stun.BINDING, TRANSACTION)
    longer = good[:2] + (12).to_bytes(2, "big") + good[4:] + bytes.fromhex("80220000")
    assert stun.parse(longer).fingerprint_valid is False
    assert stun.parse(stun.build("success", stun.BINDING, TRANSACTION, fingerprint=False)).fingerprint_valid is None


def test_requests_have_their_attributes() -> None:
    binding, allocate = stun.binding_request(TRANSACTION), stun.allocate_request(TRANSACTION)
    assert binding[:20].hex() == f"00010008{HEADER}" and len(binding) == 28
    assert allocate[:28].hex() == f"00030010{HEADER}0019000411000000" and len(allocate) == 36
    for request, method in ((binding, stun.BINDING), (allocate, stun.ALLOCATE)):
        message = stun.parse(request)
        assert (message.kind, message.method, message.fingerprint_valid) == ("request", method, True)
        assert stun.is_stun(request)


def test_transaction_id_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError):
        stun.binding_request(bytes(11))


@given(st.binary(max_size=200))
def test_any_bytes_raise_only_value_errors(raw: bytes) -> None:
    assert stun.is_stun(raw) in (True, False)
    with suppress(ValueError):
        stun.length_of(raw)
    with suppress(ValueError):
        stun.parse(raw)


@given(st.integers(0, 0x3FFF), st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=5))
def test_any_attributes_raise_no_exception(message_type: int, pairs: list[tuple[int, bytes]]) -> None:
    body = b"".join(n.to_bytes(2, "big") + len(v).to_bytes(2, "big") + v + bytes(-len(v) % 4) for n, v in pairs)
    raw = message_type.to_bytes(2, "big") + len(body).to_bytes(2, "big") + bytes.fromhex(HEADER) + body
    message = stun.parse(raw)
    assert isinstance(message.software, str)
    assert message.error_code == 0 or 300 <= message.error_code <= 699
    assert message.mapped is None or 0 <= message.mapped[1] <= 65535


@given(
    st.sampled_from(["request", "indication", "success", "error"]),
    st.integers(0, 0xFFF),
    transactions,
    st.lists(
        st.tuples(st.integers(0, 0xFFFF).filter(lambda n: n != stun.FINGERPRINT), st.binary(max_size=40)), max_size=5
    ),
    st.booleans(),
)
def test_built_message_is_parsed(
    kind: stun.Kind, method: int, transaction: bytes, pairs: list[tuple[int, bytes]], fingerprint: bool
) -> None:
    raw = stun.build(kind, method, transaction, tuple(pairs), fingerprint=fingerprint)
    message = stun.parse(raw)
    assert (message.kind, message.method, message.transaction_id) == (kind, method, transaction)
    assert list(message.attributes[: len(pairs)]) == pairs
    assert message.fingerprint_valid is (True if fingerprint else None)
    assert stun.is_stun(raw) and stun.length_of(raw[: stun.HEADER]) == len(raw)


@given(addresses, ports, transactions)
def test_built_address_is_parsed(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int, transaction: bytes
) -> None:
    attribute = stun.xor_mapped_address(str(address), port, transaction)
    assert stun.parse(stun.build("success", stun.BINDING, transaction, (attribute,))).mapped == (str(address), port)


@given(st.integers(300, 699))
def test_built_error_code_is_parsed(code: int) -> None:
    raw = stun.build("error", stun.ALLOCATE, TRANSACTION, (stun.error_code(code, "Why"),))
    assert (stun.parse(raw).kind, stun.parse(raw).error_code) == ("error", code)
