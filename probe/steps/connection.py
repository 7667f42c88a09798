"""The connection: a byte stream that one step opens and later steps of the transaction use."""

import ipaddress
from typing import Protocol


def address_of(ip: str, port: int) -> str:
    """Write an endpoint as OONI does: `192.0.2.1:443`, `[2001:db8::1]:443`. Raises ValueError for a name."""
    return f"[{ip}]:{port}" if ipaddress.ip_address(ip).version == 6 else f"{ip}:{port}"


class Connection(Protocol):
    """A byte stream to `address`, over TCP or TLS; one task may read while another writes."""

    address: str
    ip: str
    port: int
    local: tuple[str, int] | None = None  # our own end, where it is known: for comparing, never for writing down

    async def read(self, limit: int = 65536) -> bytes:
        """Read at most `limit` bytes; empty at the end of the stream. Raises OSError when the connection broke."""
        ...

    async def write(self, data: bytes) -> None:
        """Send all of `data`. Raises OSError when the connection broke."""
        ...

    def close(self) -> None:
        """Close at once; closing twice is harmless."""
        ...

    def close_with_reset(self) -> None:
        """Close so that the peer sees a reset (SO_LINGER 0)."""
        ...

    async def read_exactly(self, n: int) -> bytes:
        """Read `n` bytes and not one more. Raises EOFError when the peer closed before."""
        got = bytearray()
        while len(got) < n:
            piece = await self.read(n - len(got))
            if not piece:
                raise EOFError(f"{len(got)} of {n} bytes")
            got += piece
        return bytes(got)
