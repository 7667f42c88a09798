"""The censor that leads TLS, or QUIC, to a server of its own, which answers in the name of the genuine one.

Who serves the names it knows beforehand: it cannot see a name before TCP stands. The intercepting server is one of the
lab's (`probe.lab.services`); it forges a certificate for the names and behaves like the genuine server otherwise.
"""

from typing import Literal

from pydantic import Field, PrivateAttr

from probe.lab.censors.kit.middlebox import Ground, Middlebox
from probe.lab.net.checksums import adjusted, difference
from probe.lab.net.crafting import packed
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import Packet
from probe.lab.net.router import transport_checksum_at, with_bytes


class TLSIntercept(Middlebox):
    """Shows a forged certificate for the names."""

    on_path: Literal[False] = Field(default=False, description="always false: it has to turn the packets aside")
    names: list[str] = Field(min_length=1, description="server names, * as a wildcard")
    ports: list[int] = Field(default=[443], description="destination ports that are led aside")
    transport: Literal["tcp", "udp"] = Field(default="tcp", description="tcp: TLS is led aside; udp: QUIC")
    family: Literal[0, 4, 6] = Field(default=0, description="the family of addresses that is led aside; 0: both")
    signed_by: Literal["ca", "itself", "machine", "another_name", "lapsed"] = Field(
        default="ca",
        description="who signs: an authority of the censor's, the certificate itself, an authority that this machine "
        "trusts and nobody else; or a good certificate for another name, or one of the name's own that has expired",
    )

    _aside: dict[bytes, bytes] = PrivateAttr(default_factory=dict)
    _back: dict[bytes, bytes] = PrivateAttr(default_factory=dict)

    def arm(self, ground: Ground) -> None:
        super().arm(ground)
        for genuine in filter(self.is_of_its_family, ground.addresses_of(self.names)):
            self._aside[packed(genuine)] = packed(ground.impostors[genuine])
        self._back = {impostor: genuine for genuine, impostor in self._aside.items()}

    def is_of_its_family(self, address: str) -> bool:
        """Say whether an address may be led aside."""
        return self.family in {0, 6 if ":" in address else 4}

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """What to do about `packet`; None: nothing."""
        if not (packet.is_tcp if self.transport == "tcp" else packet.is_udp):
            return None
        if direction is Direction.OUT and packet.dport in self.ports and packet.destination in self._aside:
            return Actions(replace=redirected(packet, self._aside[packet.destination], source=False))
        if direction is Direction.IN and packet.sport in self.ports and packet.source in self._back:
            return Actions(replace=redirected(packet, self._back[packet.source], source=True))
        return None


def redirected(packet: Packet, address: bytes, *, source: bool) -> bytes:
    """The packet with another source or destination address of the same family, its checksums kept right."""
    if packet.version == 4:
        at, header_checksum = (12 if source else 16), 10
    else:
        at, header_checksum = (8 if source else 24), None
    old = packet.raw[at : at + len(address)]
    raw = with_bytes(packet.raw, at, address, header_checksum)
    place = transport_checksum_at(packet)
    if place is None:
        return raw
    value = adjusted(raw[place] << 8 | raw[place + 1], difference(old, address))
    return raw[:place] + value.to_bytes(2, "big") + raw[place + 2 :]
