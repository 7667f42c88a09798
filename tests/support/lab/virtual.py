"""Run a fabric in virtual time, without kernel, and keep the packets that reach each side."""

from collections.abc import Callable
from dataclasses import dataclass, field

from probe.lab.net.fabric import Actions, Direction, Fabric, FabricConfig
from probe.lab.net.packets import Packet

SERVER, SERVER6 = "149.154.167.51", "2001:67c:4e8:f002::a"


@dataclass
class Sink:
    """Record the packets that the fabric writes to one wire, with their time."""

    clock: Callable[[], float]
    got: list[tuple[float, Packet]] = field(default_factory=list)

    def write(self, packet: bytes) -> None:
        self.got.append((self.clock(), Packet(packet)))


class VirtualLab:
    """Send packets through a fabric in virtual time."""

    def __init__(self, config: FabricConfig) -> None:
        self.now = 0.0
        self.config = config
        self.wires = {name: Sink(lambda: self.now) for name in ("home", "outside", "helper")}
        self.fabric = Fabric(config, self.wires)

    def send(self, side: str, raw: bytes, *, settle: bool = True) -> None:
        self.fabric.receive(side, raw, self.now)
        if settle:
            self.settle()

    def settle(self) -> None:
        """Run all scheduled calls."""
        while (due := self.fabric.timetable.next_at()) is not None:
            self.now = max(self.now, due)
            self.fabric.timetable.run(self.now)

    def take(self, side: str) -> list[Packet]:
        """Return the packets that reached a side since the last call."""
        packets = [packet for _, packet in self.wires[side].got]
        self.wires[side].got.clear()
        return packets


@dataclass
class Watcher:
    """Record each packet that this censor sees and do what `decide` returns."""

    hop: int
    on_path: bool
    decide: Callable[[Packet, Direction], Actions | None] = lambda packet, direction: None
    seen: list[tuple[Packet, Direction, float]] = field(default_factory=list)
    begins: float = 0.0

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        self.seen.append((packet, direction, now))
        return self.decide(packet, direction)
