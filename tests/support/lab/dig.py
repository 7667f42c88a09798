"""A client like dig: asks over a plain UDP socket, hears everything that comes back, and knows no DNS library.

Used as a module by tests, and as text by programs that run inside the lab.
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
    """A recursive question without EDNS (RFC 1035 4.1)."""
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    return struct.pack(">6H", ident, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", kind, 1)


def addresses_in(message: bytes) -> list[str]:
    """The addresses in the answer section; names in it are pointers or whole."""
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
    """Everything that comes within `seconds`: received TTL, flags, rcode, addresses, milliseconds; or the errno."""
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    heard: list[dict[str, Any]] = []
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        asking.setsockopt(*RECV_TTL[family], 1)
        asking.setsockopt(*SEND_TTL[family], ttl)
        asking.connect((server, 53))
        began = time.monotonic()
        asking.send(query(name, kind))
        while (left := began + seconds - time.monotonic()) > 0:
            asking.settimeout(left)
            try:
                message, about, _, _ = asking.recvmsg(2000, 100)
            except TimeoutError:
                break
            except OSError as error:
                heard.append({"errno": error.errno})
                continue
            heard.append(
                {
                    "ttl": struct.unpack("=i", about[0][2])[0],
                    "aa": bool(message[2] & 4),
                    "ra": bool(message[3] & 0x80),
                    "rcode": message[3] & 0x0F,
                    "addresses": addresses_in(message),
                    "ms": 1000 * (time.monotonic() - began),
                }
            )
    return heard


def say(address: str, port: int, words: bytes) -> str:
    """What comes of a TCP connection on which `words` are said: the first answer, or the name of the error."""
    try:
        with socket.create_connection((address, port), timeout=2) as there:
            there.sendall(words)
            return "data" if there.recv(100) else "closed"
    except OSError as error:
        return type(error).__name__


if __name__ == "__main__":  # dig.py OUT: reads calls from stdin, writes what each heard
    calls = json.load(sys.stdin)
    done = [
        say(c["say"], c["port"], b"hello") if "say" in c else dig(c["server"], c["name"], **c.get("more", {}))
        for c in calls
    ]
    with open(sys.argv[1], "w") as out:
        json.dump(done, out)
