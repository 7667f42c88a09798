"""Test the header fields of the lab's resets against the definitions of families of devices."""

import random
from typing import Any, get_args

import pytest

from probe.lab.censors.kit.middlebox import Deployment
from probe.lab.censors.kit.reset_headers import Form
from probe.lab.censors.tls_censors import TLSReset
from probe.lab.net.layout import Direction
from probe.lab.net.packets import ACK, RST, Packet, tcp_packet
from probe.packets.dissect import dissect
from probe.signatures.device_prints import HENAN, TSG, ReceivedReset, family_of
from tests.support.lab.hellos import hello

CLIENT, SERVER = "192.88.99.77", "149.154.167.99"


def resets(form: Form, seed: int = 0, count: int = 3, client: str = CLIENT, server: str = SERVER) -> list[bytes]:
    """Return the packets that a censor sends to the client after a hello."""
    censor = TLSReset(names=["web.telegram.org"], header=form, count=count, to="client", on_path=False)
    censor.deploy(Deployment(seed=seed))
    raw = tcp_packet(client, server, 40001, 443, flags=ACK, seq=100, ack=200, payload=hello("web.telegram.org"))
    actions = censor.see(Packet(raw), Direction.OUT, 0.0)
    assert actions is not None
    return [packet for _, packet in actions.to_client]


def families(packets: list[bytes], ours: str = CLIENT) -> list[str | None]:
    """Return the family of each packet, read as the sniffer reads it."""
    found = []
    for raw in packets:
        seen = dissect(raw, outgoing=False)
        assert seen is not None
        fields, hidden = seen.fields, seen.hidden
        header = ReceivedReset(
            fields["window"],
            hidden["ipid"],
            fields["flags"],
            fields["dont_fragment"],
            bytes.fromhex(hidden["payload"]),
        )
        found.append(family_of(header, SERVER, [ours]))
    return found


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(
    ("form", "family"),
    [
        ("constant", None),
        ("tsg", TSG.name),
        ("tsg_reversed", TSG.name),
        ("henan", HENAN.name),
        ("router", None),
        ("balancer", None),
    ],
)
def test_form_has_its_family_and_no_other(form: Form, family: str | None, seed: int) -> None:
    assert families(resets(form, seed)) == [family] * 3


def test_counting_server_is_hardly_ever_taken_for_a_device() -> None:
    """Test windows of the family's range and IP-IDs that count up: three matches in 60 resets never occur."""
    most = max(sum(one is not None for one in families(resets("counter", seed, count=10))) for seed in range(200))
    assert most < TSG.fewest


def test_windows_count_up_and_the_counter_begins_again() -> None:
    windows = [Packet(raw).window for raw in resets("tsg", 3, count=3)]
    assert windows == list(range(windows[0], windows[0] + 3))
    censor = TLSReset(names=["x.example"], header="tsg")
    censor.deploy(Deployment())
    packet = Packet(tcp_packet(CLIENT, SERVER, 1, 443, flags=ACK))
    drawn = [censor._headers.next(packet)["window"] for _ in range(11_000)]
    assert (min(drawn[6000:]), max(drawn)) == (128 + remainder(), 5042 + remainder())


def remainder() -> int:
    return int.from_bytes(bytes(map(int, SERVER.split("."))), "little") % 13


def test_every_form_keeps_the_packet_whole() -> None:
    for form in get_args(Form):
        for raw in resets(form):
            packet = Packet(raw)
            assert packet.tcp_flags & RST
            assert (packet.seq - 200) in {0, 1460, 4380}
            assert len(packet.payload) == (10 if form in {"henan", "balancer"} else 0)


def test_resets_over_ipv6_are_constant() -> None:
    packets = [resets(form, client="2001:db8::1", server="2001:db8::2") for form in get_args(Form)]
    assert all(raws == packets[0] for raws in packets)


def test_first_values_depend_on_the_seed_alone() -> None:
    draws: list[Any] = [resets("tsg", seed) for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]
    assert random.Random(1).random() == random.Random(1).random()
