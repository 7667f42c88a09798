"""Test datagrams and connections on systems that show less than Linux."""

import errno
import socket
import time
from collections.abc import Iterator

import pytest

from probe.platforms import raw_packets
from probe.platforms.abilities import abilities
from probe.platforms.sockets import datagram_sockets, tcp_state, ttl


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.socket(type=socket.SOCK_DGRAM) as one, socket.socket(type=socket.SOCK_DGRAM) as other:
        one.bind(("127.0.0.1", 0))
        other.connect(one.getsockname())
        one.connect(other.getsockname())
        yield one, other


def test_datagram_comes_with_its_ttl(pair: tuple[socket.socket, socket.socket]) -> None:
    one, other = pair
    datagram_sockets.ask_for_ttl(one)
    ttl.set_ttl(other, 33)
    other.send(b"text")
    assert datagram_sockets.receive(one) == (b"text", 33)


def test_datagram_comes_without_ttl_where_the_system_tells_none(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = pair
    monkeypatch.setattr(datagram_sockets, "has_linux_kernel", lambda: False)
    datagram_sockets.ask_for_ttl(one)
    other.send(b"text")
    assert datagram_sockets.receive(one) == (b"text", None)


def test_datagram_that_waited_comes_with_its_wait(pair: tuple[socket.socket, socket.socket]) -> None:
    one, other = pair
    other.send(b"not asked for")
    assert datagram_sockets.receive_late(one)[2] == 0.0
    datagram_sockets.ask_for_arrival(one)
    waits = []
    while not waits or (waits[-1] < 0.19 and len(waits) < 50):  # the kernel begins to note times a little later
        other.send(b"waits")
        time.sleep(0.2)
        waits.append(datagram_sockets.receive_late(one)[2])
    assert 0.19 < waits[-1] < 5.0


def test_datagram_without_a_time_of_arrival_waited_for_nothing(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = pair
    monkeypatch.setattr(datagram_sockets, "has_linux_kernel", lambda: False)
    datagram_sockets.ask_for_arrival(one)
    other.send(b"text")
    assert datagram_sockets.receive_late(one) == (b"text", None, 0.0)


def test_closed_port_has_one_error_everywhere() -> None:
    assert datagram_sockets.datagram_error(errno.ECONNRESET) == errno.ECONNREFUSED
    assert datagram_sockets.datagram_error(errno.EHOSTUNREACH) == errno.EHOSTUNREACH
    assert datagram_sockets.datagram_error(None) == 0


def test_errors_of_icmp_are_not_asked_for_elsewhere(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(socket, "MSG_ERRQUEUE")
    assert not ttl.tells_icmp_errors()
    ttl.keep_errors(pair[0])
    assert pair[0].getsockopt(socket.IPPROTO_IP, ttl.IP_RECVERR) == 0
    assert ttl.told_by_icmp(pair[0]) == []


def test_state_of_a_connection_is_unknown_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as sock:
        sock.sendall(b"text")
        assert tcp_state.is_closed(sock) is False and tcp_state.retransmissions(sock) == 0
        assert (tcp_state.data_segments(sock), tcp_state.received_segments(sock)) == (1, 0)
        with server.accept()[0] as peer:
            assert peer.recv(4) == b"text" and tcp_state.received_segments(peer) == 1
            assert (tcp_state.received_segment_size(peer) or 0) > 4
        least, smoothed = tcp_state.least_round_trip(sock), tcp_state.round_trip(sock)
        assert least is not None and smoothed is not None and 0.0 < least <= smoothed < 1.0
        monkeypatch.setattr(tcp_state, "has_linux_kernel", lambda: False)
        assert tcp_state.is_closed(sock) is None and tcp_state.retransmissions(sock) is None
        assert tcp_state.round_trip(sock) is None and tcp_state.least_round_trip(sock) is None
        assert tcp_state.data_segments(sock) is None and tcp_state.received_segments(sock) is None
        assert tcp_state.received_segment_size(sock) is None


def test_raw_packets_need_their_family(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_PACKET")
    assert not raw_packets.may_capture()


def test_abilities_are_those_of_the_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    from probe.formats.facts import Abilities

    found = abilities()
    assert set(found) == set(Abilities.model_fields)
    assert found["icmp_errors"] and found["received_ttl"] and found["tcp_state"] and found["own_addresses"]
    monkeypatch.delattr(socket, "MSG_ERRQUEUE")
    monkeypatch.delattr(socket, "TCP_INFO")
    assert not abilities()["icmp_errors"] and not abilities()["tcp_state"]
