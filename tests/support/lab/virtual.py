"""A fabric without kernel and clock: what reaches home, servers and helper is kept in lists, with its time."""

from collections.abc import Callable
from dataclasses import dataclass, field

from probe.lab.net.fabric import Actions, Direction, Fabric, FabricConfig
from probe.lab.net.packets import Packet

SERVER, SERVER6 = "149.154.167.51", "2001:67c:4e8:f002::a"


@dataclass
class Sink:
    """The far side of a wire."""

    clock: Callable[[], float]
    got: list[tuple[float, Packet]] = field(default_factory=list)

    def write(self, packet: bytes) -> None:
        self.got.append((self.clock(), Packet(packet)))


class VirtualLab:
    """Sends packets through a fabric in virtual time."""

    def __init__(self, config: FabricConfig) -> None:
        self.now = 0.0
        self.config = config
        self.wires = {name: Sink(lambda: self.now) for name in ("home", "outside", "helper")}
        self.fabric = Fabric(config, self.wires)

    def send(self, place: str, raw: bytes, *, settle: bool = True) -> None:
        self.fabric.receive(place, raw, self.now)
        if settle:
            self.settle()

    def settle(self) -> None:
        """Lets everything happen that is going to."""
        while (due := self.fabric.timetable.next_at()) is not None:
            self.now = max(self.now, due)
            self.fabric.timetable.run(self.now)

    def take(self, place: str) -> list[Packet]:
        """What has come out at a place since the last time."""
        packets = [packet for _, packet in self.wires[place].got]
        self.wires[place].got.clear()
        return packets


@dataclass
class Watcher:
    """A censor that notes what it sees and does what it is told."""

    hop: int
    on_path: bool
    decide: Callable[[Packet, Direction], Actions | None] = lambda packet, direction: None
    seen: list[tuple[Packet, Direction, float]] = field(default_factory=list)

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        self.seen.append((packet, direction, now))
        return self.decide(packet, direction)
