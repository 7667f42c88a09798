"""Test on the lab's wire that each class of censor does what its wire test (`WIRE`) says.

The clients know nothing of the probe: raw sockets, a client like dig, and OpenSSL.
"""

import json
import sys
from collections.abc import Iterator

import pytest
from cryptography import x509

from probe.cli.run.consent import VERSION
from probe.lab.censors import CLASSES, Middlebox
from probe.lab.censors.kit.wire_test import End, Exchange
from probe.lab.run import run_command
from probe.lab.scenario.scenario import Scenario
from probe.lab.world.emulated_world import build_world
from probe.targets.target_files import bundled_targets
from tests.lab.censors.test_quic import first_flight
from tests.support.lab import wire_clients
from tests.support.lab.dig import addresses_in, query
from tests.wire.dtls.test_client_hello import CAPTURED

pytestmark = pytest.mark.lab

STUN = b"\0\1\0\0\x21\x12\xa4\x42" + bytes(range(12))
SIP = "\r\n".join(
    [
        "OPTIONS sip:x SIP/2.0",
        "Via: SIP/2.0/{} anonymous.invalid;branch=z9hG4bKx",
        "From: <sip:a@anonymous.invalid>;tag=1",
        "To: <sip:x>",
        "Call-ID: 1@anonymous.invalid",
        "CSeq: 1 OPTIONS",
        "Max-Forwards: 70",
        "Content-Length: 0",
        "",
        "",
    ]
)
RANDOM = b"\x80" + bytes(range(1, 60))
ENDS: dict[str, End] = {
    "answered": "answered",
    "TimeoutError": "silent",
    "ConnectionResetError": "reset",
    "ConnectionRefusedError": "refused",
    "OSError": "icmp",
}


def first_message(exchange: Exchange) -> bytes:
    """Return the client's first message."""
    match exchange.protocol:
        case "dns":
            return query(exchange.name)
        case "quic":
            return next(first_flight(exchange.name))
        case "http":
            return f"GET / HTTP/1.1\r\nHost: {exchange.name}\r\n\r\n".encode()
        case "smtp":
            return b"EHLO there\r\n"
        case "stun/udp" | "stun/tcp":
            return STUN
        case "sip/udp" | "sip/tcp":
            return SIP.format(exchange.protocol[-3:].upper()).encode()
        case "dtls":
            return bytes.fromhex(CAPTURED["firefox" if exchange.name == "firefox" else "openssl"])
        case _:
            return RANDOM


def client_call(exchange: Exchange, address: str) -> list[str | int | bool]:
    if exchange.protocol == "tls":
        return ["tls", address, exchange.port, exchange.name]
    client = "udp" if exchange.protocol in {"dns", "quic", "stun/udp", "dtls", "sip/udp"} else "tcp"
    waits = [True] if exchange.protocol == "smtp" else []  # the server sends first
    return [client, address, exchange.port, first_message(exchange).hex(), *waits]


def answer_text(exchange: Exchange, seen: dict[str, str]) -> str:
    """Return the answer as the text that `contains` and `lacks` refer to."""
    if exchange.protocol == "tls":
        certificate = x509.load_der_x509_certificate(bytes.fromhex(seen["certificate"]))
        return "self-signed" if certificate.issuer == certificate.subject else "signed"
    answer = bytes.fromhex(seen.get("came", ""))
    if exchange.protocol == "dns":
        return f"rcode {answer[3] & 0x0F} {' '.join(addresses_in(answer))}"
    return answer.decode("latin-1")


def wire_tests() -> Iterator[tuple[str, Middlebox, tuple[Exchange, ...]]]:
    """Yield the class name, the censor and the exchanges of every wire test."""
    for name, kind in CLASSES.items():
        for test in kind.WIRE:
            yield name, kind.model_validate(test.keys), test.exchanges


EXCHANGES = [(name, exchange) for name, _, exchanges in wire_tests() for exchange in exchanges]
KEYS = {f"{name} {one.protocol} {one.host} {one.name}": one for name, one in EXCHANGES}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """Return what the clients saw at the user's position, in one lab with all censors."""
    folder = tmp_path_factory.mktemp("wire")
    scenario = Scenario("mine", "A test", censors=tuple(censor for _, censor, _ in wire_tests()))
    zone = build_world(bundled_targets(), scenario, 0).zone
    calls = {}
    for key, exchange in KEYS.items():
        address = next((ip for ip in zone.get(exchange.host, ()) if ":" not in ip), exchange.host)
        calls[key] = client_call(exchange, address)
    out, wanted = folder / "seen.json", folder / "calls.json"
    wanted.write_text(json.dumps(calls))
    command = ["sh", "-c", f"exec {sys.executable} {wire_clients.__file__} {out} < {wanted}", str(out)]
    assert run_command(scenario, bundled_targets(), command, consent=VERSION) == 0
    found: dict[str, dict[str, str]] = json.loads(out.read_text())
    return found


@pytest.mark.parametrize("key", KEYS)
def test_exchange_ends_as_the_wire_test_says(key: str, seen: dict[str, dict[str, str]]) -> None:
    exchange = KEYS[key]
    assert ENDS.get(seen[key]["end"], seen[key]["end"]) == exchange.end
    if exchange.end == "answered":
        text = answer_text(exchange, seen[key])
        assert exchange.contains in text
        assert not exchange.lacks or exchange.lacks not in text


@pytest.mark.parametrize("kind", CLASSES.values(), ids=CLASSES)
def test_every_class_has_a_wire_test(kind: type[Middlebox]) -> None:
    assert vars(kind).get("WIRE"), f"{kind.__name__} needs a wire test, see probe/lab/censors/kit/wire_test.py"


def test_wire_tests_have_exchanges_of_their_own() -> None:
    assert len(KEYS) == len(EXCHANGES)
