"""Send DNS queries over a UDP socket and report all answers, without a DNS library.

Tests import this module, and programs in the lab run it: `dig.py OUT` reads calls from standard input.
"""

import json
import socket
import struct
import sys
import time
from typing import Any

A, AAAA = 1, 28
RECV_TTL = {socket.AF_INET: (socket.IPPROTO_IP, 12), socket.AF_INET6: (socket.IPPROTO_IPV6, 51)}
SEND_TTL = {socket.AF_INET: (socket.IPPROTO_IP, 2), socket.AF_INET6: (socket.IPPROTO_IPV6, 16)}


def query(name: str, kind: int = A, ident: int = 0x1234) -> bytes:
    """Return a recursive query without EDNS (RFC 1035 4.1)."""
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    return struct.pack(">6H", ident, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", kind, 1)


def addresses_in(message: bytes) -> list[str]:
    """Return the addresses of the answer section. Its names may be compressed."""
    count = struct.unpack_from(">H", message, 6)[0]
    at = _after_name(message, 12) + 4
    found = []
    for _ in range(count):
        at = _after_name(message, at)
        size = struct.unpack_from(">H", message, at + 8)[0]
        data = message[at + 10 : at + 10 + size]
        found.append(socket.inet_ntop(socket.AF_INET if size == 4 else socket.AF_INET6, data))
        at += 10 + size
    return found


def _after_name(message: bytes, at: int) -> int:
    while message[at] and message[at] < 0xC0:
        at += 1 + message[at]
    return at + (2 if message[at] else 1)


def dig(server: str, name: str, kind: int = A, *, ttl: int = 64, seconds: float = 0.6) -> list[dict[str, Any]]:
    """Send a query and return all answers within `seconds`: TTL, flags, rcode, addresses, milliseconds, or errno."""
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    answers: list[dict[str, Any]] = []
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(*RECV_TTL[family], 1)
        sock.setsockopt(*SEND_TTL[family], ttl)
        sock.connect((server, 53))
        began = time.monotonic()
        sock.send(query(name, kind))
        while (left := began + seconds - time.monotonic()) > 0:
            sock.settimeout(left)
            try:
                message, ancillary, _, _ = sock.recvmsg(2000, 100)
            except TimeoutError:
                break
            except OSError as error:
                answers.append({"errno": error.errno})
                continue
            answers.append(
                {
                    "ttl": struct.unpack("=i", ancillary[0][2])[0],
                    "aa": bool(message[2] & 4),
                    "ra": bool(message[3] & 0x80),
                    "rcode": message[3] & 0x0F,
                    "addresses": addresses_in(message),
                    "ms": 1000 * (time.monotonic() - began),
                }
            )
    return answers


def send_tcp(address: str, port: int, payload: bytes) -> str:
    """Send `payload` over TCP. Return "data", "closed" or the name of the error."""
    try:
        with socket.create_connection((address, port), timeout=2) as sock:
            sock.sendall(payload)
            return "data" if sock.recv(100) else "closed"
    except OSError as error:
        return type(error).__name__


if __name__ == "__main__":
    calls = json.load(sys.stdin)
    done = [
        send_tcp(c["say"], c["port"], b"hello") if "say" in c else dig(c["server"], c["name"], **c.get("more", {}))
        for c in calls
    ]
    with open(sys.argv[1], "w") as out:
        json.dump(done, out)
