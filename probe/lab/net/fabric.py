"""Forward packets between the namespaces of the user, the servers and the helper, in one process.

    Fabric(config, wires)       wires: {"home": Wire, "outside": Wire, "helper": Wire}
    fabric.receive(side, raw, now)      takes a packet from the wire of one side, in virtual time
    fabric.timetable.run(now)           forwards what is due
    run(fabric, wires)                  does both with real wires and the clock, until the process is killed

`Direction`, `Actions`, `Censor`, `PathConfig` and `FabricConfig` of `probe.lab.net.layout` are exported here too.
"""

import random
import select
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from probe.lab.net.address_matching import Covers
from probe.lab.net.burst_protection import BurstProtection
from probe.lab.net.connection_filter import ConnectionRates
from probe.lab.net.crafting import host_unreachable, network_unreachable, packed
from probe.lab.net.layout import Actions, Censor, Direction, FabricConfig, PathConfig
from probe.lab.net.outages import Outages
from probe.lab.net.packets import ACK, SYN, Malformed, Packet
from probe.lab.net.path import Path, answer_with_error
from probe.lab.net.pcap import Recording
from probe.lab.net.router import HomeRouter
from probe.lab.net.router_replies import answer_of_closed_host
from probe.lab.net.schedule import Schedule
from probe.lab.net.translator import Translator
from probe.lab.net.wires import Wire

__all__ = ["Actions", "Censor", "Direction", "Fabric", "FabricConfig", "PathConfig"]

BATCH = 64  # packets read from one wire before the other wires and the timetable


class Writable(Protocol):
    """Define the wire to one side, as far as the fabric writes to it."""

    def write(self, packet: bytes) -> None:
        """Send one IP packet."""


class Fabric:
    """Route each packet between user, helper and servers over its path."""

    def __init__(self, config: FabricConfig, wires: Mapping[str, Writable]) -> None:
        self.config, self._wires = config, wires
        self.timetable = Schedule()
        self._recording = Recording(config.record) if config.record else None
        self._router = HomeRouter(config)
        alone = config.ipv6_alone
        self._translator = Translator(alone.prefix, config.home_v6, config.home_address) if alone else None
        self._computers = _router_of_computer(config)
        self._computers_v4 = packed(alone.public_v4) if alone else b""
        self._router_addresses = {packed(config.router_v4), packed(config.router_v6), packed(config.home_public_v4)}
        self._home_v4, self._home_v6 = packed(config.home_public_v4), packed(config.home_v6)[:8]
        self._private = packed(config.home_address)
        self._helper_addresses = {packed(config.helper_v4), packed(config.helper_v6)}
        self._servers, self._dead = Covers(config.servers), Covers(config.dead)
        self._unreachable = Covers(config.unreachable)
        self._outages, self._rates = Outages(config.outages, config.cuts), ConnectionRates(config.connection_rates)
        self._protection = BurstProtection(config.burst_protection)
        rng = random.Random(f"fabric {config.seed}")
        self._home_path = Path(
            config.path, config.censors, self._home_hop, self.timetable, self._reach_home, self._leave_home_path, rng
        )
        self._helper_path = Path(
            config.helper_path,
            config.helper_censors,
            self._helper_hop,
            self.timetable,
            self._reach_helper,
            self._leave_helper_path,
            rng,
        )

    def _home_hop(self, hop: int, version: int) -> str:
        config = self.config
        if hop == 1:
            return config.router_v6 if version == 6 else config.router_v4
        return (config.hop_v6 if version == 6 else config.hop_v4).format(hop=hop)

    def _helper_hop(self, hop: int, version: int) -> str:
        return (self.config.helper_hop_v6 if version == 6 else self.config.helper_hop_v4).format(hop=hop)

    def receive(self, side: str, raw: bytes, now: float) -> None:
        """Take a packet from the wire of `side`: "home", "outside", "helper", or "computer" for its translator."""
        try:
            packet = Packet(raw)
        except Malformed:
            return
        if _stays_on_link(packet):
            return
        if side == "home":
            self._from_home(packet, now)
        elif side == "computer":
            self._from_computers_translator(packet, now)
        elif side == "helper":
            self._from_helper(packet, now)
        else:
            self._from_outside(packet, now)

    def _from_home(self, packet: Packet, now: float) -> None:
        if self._translator is not None and self._translator.takes(packet):
            if not self._translates(packet):
                return
            translated = self._translator.to_ipv4(packet)
            if translated is None:
                return
            packet = Packet(translated)
        if packet.destination in self._router_addresses and not self._router.forwards_dns(packet):
            answer = answer_of_closed_host(packet)
            if answer is not None:
                self._write_home(answer)
        elif self._is_forwarded(packet, now):
            self._send_out(packet, packet.raw if packet.version == 6 else self._router.outbound(packet, now), now)
        elif self._refuses(now) and packet.destination not in self._router_addresses:
            answer_with_error(packet.raw, network_unreachable, self._home_hop(1, packet.version), self._write_home)

    def _translates(self, packet: Packet) -> bool:
        """Return whether the translator of the network forwards a packet."""
        alone = self.config.ipv6_alone
        return alone is not None and (alone.works or packet.dst in alone.passes)

    def _from_computers_translator(self, packet: Packet, now: float) -> None:
        """Take an IPv4 packet that the user's computer and then the router translate, to IPv6 and back."""
        if self._computers is not None and packet.version == 4 and not self._cut_off(now):
            self._send_out(packet, self._computers.outbound(packet, now), now)

    def _send_out(self, packet: Packet, raw: bytes | None, now: float) -> None:
        """Send a packet from the user as `raw` into the path. None: the router does not forward it."""
        if raw is None or self._is_stopped_on_line(packet, now):
            return
        if packet.destination not in self._helper_addresses:
            self._outages.begin(now)
        elif packet.is_tcp and packet.tcp_flags & (SYN | ACK) == SYN:
            self._outages.ask()
        self._record(raw, now)
        self._home_path.enter(raw, Direction.OUT, now)

    def _is_stopped_on_line(self, packet: Packet, now: float) -> bool:
        """Return whether protection on the access line stops a packet. The helper's packets pass."""
        if packet.destination in self._helper_addresses:
            return False
        stopped = self._protection.stop(packet.raw, packet.destination, now, on_line=True)
        if stopped is not None and stopped.to_client is not None:
            self._write_home(stopped.to_client)
        return stopped is not None

    def _write_home(self, raw: bytes) -> None:
        """Give the user's computer a packet of the router, translated where the network has IPv6 alone."""
        if raw[0] >> 4 == 4 and self._translator is not None:
            translated = self._translator.to_ipv6(Packet(raw))
            if translated is not None:
                self._wires["home"].write(translated)
            return
        self._wires["home"].write(raw)

    def _refuses(self, now: float) -> bool:
        """Return True if the home router answers with ICMP, because it has no uplink."""
        cut = self._outages.cut(now)
        return self.config.no_network == "unreachable" or (cut is not None and cut.how == "unreachable")

    def _is_forwarded(self, packet: Packet, now: float) -> bool:
        """Return True if the home router forwards a packet. Spoofed source addresses are dropped (BCP 38)."""
        if self._cut_off(now):
            return False
        if packet.version == 6 and self.config.no_ipv6:
            return False
        return packet.source == self._private or (packet.version == 6 and packet.source[:8] == self._home_v6)

    def _cut_off(self, now: float) -> bool:
        return self.config.no_network is not None or self._outages.cut(now) is not None

    def _from_helper(self, packet: Packet, now: float) -> None:
        if self._is_home(packet.destination):
            self._home_path.enter(packet.raw, Direction.IN, now)
        else:
            self._helper_path.enter(packet.raw, Direction.OUT, now)

    def _from_outside(self, packet: Packet, now: float) -> None:
        if packet.destination in self._helper_addresses:
            self._helper_path.enter(packet.raw, Direction.IN, now)
        elif self._is_home(packet.destination):
            self._home_path.enter(packet.raw, Direction.IN, now)

    def _is_home(self, address: bytes) -> bool:
        return address in (self._home_v4, self._computers_v4) or (len(address) == 16 and address[:8] == self._home_v6)

    def _leave_home_path(self, raw: bytes, now: float) -> None:
        destination = _destination(raw)
        if destination in self._helper_addresses:
            self._wires["helper"].write(raw)
        else:
            self._reach_server(raw, destination, self._home_path, now)

    def _leave_helper_path(self, raw: bytes, now: float) -> None:
        self._reach_server(raw, _destination(raw), self._helper_path, now)

    def _reach_server(self, raw: bytes, destination: bytes, path: Path, now: float) -> None:
        if destination in self._dead:
            return
        if (how := self._outages.at(destination, now)) is not None:
            if how == "refused" and (refusal := answer_of_closed_host(Packet(raw))) is not None:
                path.enter(refusal, Direction.IN, now)
            return
        reset = self._protection.stop(raw, destination, now, on_line=False) or self._rates.refuse(raw, destination, now)
        if reset is not None:
            if reset.to_client is not None:
                path.enter(reset.to_client, Direction.IN, now)
            if reset.to_server is not None:
                self._wires["outside"].write(reset.to_server)
            return
        if destination in self._servers:
            self._wires["outside"].write(raw)
        elif destination in self._unreachable:
            path.answer_from_last_hop(raw, host_unreachable, now)

    def _reach_home(self, raw: bytes, now: float) -> None:
        """Take a packet that reaches the home router from the Internet."""
        if self._outages.cut(now) is not None:
            return
        self._record(raw, now)
        if raw[0] >> 4 == 6:
            if not self.config.no_ipv6:
                self._wires["home"].write(raw)
            return
        try:
            packet = Packet(raw)
        except Malformed:
            return
        if self._computers is not None and packet.destination == self._computers_v4:
            if (for_computer := self._computers.inbound(packet, now)) is not None:
                self._wires["computer"].write(for_computer)
        elif (translated := self._router.inbound(packet, now)) is not None:
            self._write_home(translated)

    def _reach_helper(self, raw: bytes, now: float) -> None:
        self._wires["helper"].write(raw)

    def _record(self, raw: bytes, now: float) -> None:
        if self._recording:
            self._recording.add(raw, now)


def _router_of_computer(config: FabricConfig) -> HomeRouter | None:
    """Return the way of the IPv4 packets that the user's computer translates, None if it translates none."""
    alone = config.ipv6_alone
    if alone is None or not alone.interface:
        return None
    return HomeRouter(replace(config, home_address=alone.address, home_public_v4=alone.public_v4))


def _destination(raw: bytes) -> bytes:
    return raw[24:40] if raw[0] >> 4 == 6 else raw[16:20]


def _stays_on_link(packet: Packet) -> bool:
    """Return True for multicast, broadcast, link-local and unspecified addresses, which no router forwards."""
    source, destination = packet.source, packet.destination
    if packet.version == 6:
        return destination[0] == 0xFF or destination[:2] == b"\xfe\x80" or source[:2] == b"\xfe\x80" or not any(source)
    return destination[0] >= 224 or destination[0] in (0, 127) or destination[:2] == b"\xa9\xfe" or not any(source)


def run(fabric: Fabric, wires: dict[str, Wire]) -> None:
    """Read the wires and run the timetable until the process is killed.

    `select` has a timeout in microseconds. epoll, and so asyncio, has whole milliseconds.
    """
    sides = {wire.descriptor: (side, wire) for side, wire in wires.items()}
    timetable, clock = fabric.timetable, time.monotonic
    while True:
        due = timetable.next_at()
        timeout = None if due is None else max(0.0, due - clock())
        ready, _, _ = select.select(sides, (), (), timeout)
        for descriptor in ready:
            side, wire = sides[descriptor]
            for _ in range(BATCH):
                raw = wire.read()
                if raw is None:
                    break
                fabric.receive(side, raw, clock())
        timetable.run(clock())
