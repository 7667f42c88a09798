"""Define a connection: a byte stream that one step opens and later steps of the transaction use."""

import ipaddress
from typing import Protocol


def address_of(ip: str, port: int) -> str:
    """Write an endpoint as OONI does: `192.0.2.1:443`, `[2001:db8::1]:443`. Raises ValueError for a name."""
    return f"[{ip}]:{port}" if ipaddress.ip_address(ip).version == 6 else f"{ip}:{port}"


class Connection(Protocol):
    """Represent a stream of bytes to `address` over TCP or TLS. One task may read from it while another one writes."""

    address: str
    ip: str
    port: int
    local: tuple[str, int] | None = None  # our own end if known. It is compared and never written to a file.
    answered_at: float | None = None
    """When the first byte after the last write arrived, on the event loop's clock. Of TLS a byte of a record, since the
    first record of an answer may hold 16 kB. None if it is not noted."""

    async def read(self, limit: int = 65536) -> bytes:
        """Read at most `limit` bytes, or b"" at the end of the stream. Raises OSError if the connection broke."""
        ...

    async def write(self, data: bytes) -> None:
        """Send all of `data`. Raises OSError if the connection broke."""
        ...

    def close(self) -> None:
        """Close immediately. A second call has no effect."""
        ...

    def close_with_reset(self) -> None:
        """Close so that the peer sees a reset (SO_LINGER 0)."""
        ...

    def limit_unread(self, size: int) -> None:
        """Let the system hold about `size` unread bytes, so that a peer does not send much more than is read."""
        return

    def reset_at_close(self) -> None:
        """Let `close` send a reset, so that the kernel repeats no unacknowledged bytes afterwards."""
        return

    def fell_silent(self, least: float | None = None) -> bool:
        """Return whether an answer began and nothing came for `least` seconds then. False where this is not counted."""
        return False

    def packets_received(self) -> int | None:
        """Return how many packets have arrived, those without data included. None if they are not counted."""
        return None

    async def test_path(self, data: bytes) -> None:
        """Send `data` on a silent connection, and wait a moment for its acknowledgement.

        A stopped server acknowledges it, and a path that drops everything does not. Raises OSError.
        """
        return

    async def read_exactly(self, n: int) -> bytes:
        """Read exactly `n` bytes. Raises EOFError if the peer closed before."""
        got = bytearray()
        while len(got) < n:
            piece = await self.read(n - len(got))
            if not piece:
                raise EOFError(f"{len(got)} of {n} bytes")
            got += piece
        return bytes(got)
