"""Define the censor that redirects TLS or QUIC to an intercepting server.

It knows the addresses of the names beforehand, since it sees no name before TCP is connected. The intercepting server
is in `probe.lab.services`. It forges a certificate for the names and otherwise acts like the real server.
"""

from typing import Literal

from pydantic import Field, PrivateAttr

from probe.lab.censors.kit.middlebox import Deployment, Middlebox
from probe.lab.censors.kit.wire_test import Exchange, WireTest
from probe.lab.net.checksums import adjusted, difference
from probe.lab.net.crafting import packed
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import Packet, with_ttl
from probe.lab.net.router import transport_checksum_at, with_bytes
from probe.targets.target import family_of


class TLSIntercept(Middlebox):
    """Show a forged certificate for the names."""

    WIRE = (
        WireTest(
            {"names": ["x.com"], "ports": [443], "signed_by": "itself"},
            (
                Exchange("tls", "x.com", 443, "x.com", contains="self-signed"),
                Exchange("tls", "api.x.com", 443, "api.x.com", contains="signed", lacks="self-signed"),
            ),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must redirect the packets")
    names: list[str] = Field(min_length=1, description="server names, * is a wildcard")
    ports: list[int] = Field(default=[443], description="destination ports that are redirected")
    transport: Literal["tcp", "udp"] = Field(default="tcp", description="tcp: TLS is redirected, udp: QUIC")
    family: Literal[0, 4, 6] = Field(default=0, description="address family that is redirected, 0: both")
    signed_by: Literal["ca", "itself", "machine", "another_name", "lapsed"] = Field(
        default="ca",
        description="signer: the censor's authority, the certificate itself, or an authority that only this computer "
        "trusts. Or another_name: a valid certificate for another name. Or lapsed: an expired one for the name",
    )

    terminates: bool = Field(
        default=False, description="true: it ends connections itself, so packets arrive with any TTL that reaches it"
    )

    _redirected: dict[bytes, bytes] = PrivateAttr(default_factory=dict)
    _restored: dict[bytes, bytes] = PrivateAttr(default_factory=dict)

    def deploy(self, deployment: Deployment) -> None:
        super().deploy(deployment)
        for real in filter(self.handles_family, deployment.addresses_of(self.names)):
            self._redirected[packed(real)] = packed(deployment.intercepting_servers[real])
        self._restored = {interceptor: real for real, interceptor in self._redirected.items()}

    def handles_family(self, address: str) -> bool:
        """Return whether packets to an address may be redirected."""
        return self.family in {0, family_of(address)}

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if not (packet.is_tcp if self.transport == "tcp" else packet.is_udp):
            return None
        if direction is Direction.OUT and packet.dport in self.ports and packet.destination in self._redirected:
            replaced = redirected(packet, self._redirected[packet.destination], source=False)
            return Actions(replace=with_ttl(replaced, 64) if self.terminates else replaced)
        if direction is Direction.IN and packet.sport in self.ports and packet.source in self._restored:
            return Actions(replace=redirected(packet, self._restored[packet.source], source=True))
        return None


def redirected(packet: Packet, address: bytes, *, source: bool) -> bytes:
    """Return the packet with another source or destination address of the same family, and right checksums."""
    if packet.version == 4:
        at, header_checksum = (12 if source else 16), 10
    else:
        at, header_checksum = (8 if source else 24), None
    old = packet.raw[at : at + len(address)]
    raw = with_bytes(packet.raw, at, address, header_checksum)
    offset = transport_checksum_at(packet)
    if offset is None:
        return raw
    value = adjusted(raw[offset] << 8 | raw[offset + 1], difference(old, address))
    return raw[:offset] + value.to_bytes(2, "big") + raw[offset + 2 :]
