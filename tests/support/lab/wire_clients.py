"""Clients that know no more than their protocol's first words: raw sockets over TCP and UDP, and OpenSSL's own TLS.

Run inside the lab as a program: wire_clients.py OUT reads calls from standard input and writes what each met.
"""

import json
import socket
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

PATIENCE = 2.0  # seconds


def over_tcp(address: str, port: int, words: str, greeted: bool = False) -> dict[str, str]:
    """Connect, wait for a greeting where one is due, say the words (hex): what came, and how it ended."""
    came = b""
    try:
        with socket.create_connection((address, port), timeout=PATIENCE) as there:
            greeting = there.recv(2000) if greeted else b""
            there.sendall(bytes.fromhex(words))
            came = there.recv(4000)
            return {"greeting": greeting.hex(), "came": came.hex(), "end": "answered" if came else "closed"}
    except OSError as error:
        return {"came": came.hex(), "end": type(error).__name__}


def over_udp(address: str, port: int, words: str) -> dict[str, str]:
    """Send one datagram (hex): the first that comes back."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.settimeout(PATIENCE)
            asking.connect((address, port))
            asking.send(bytes.fromhex(words))
            return {"came": asking.recv(4000).hex(), "end": "answered"}
    except OSError as error:
        return {"came": "", "end": type(error).__name__}


def over_tls(address: str, port: int, name: str) -> dict[str, str]:
    """Shake hands as `openssl s_client -servername` does, whatever the certificate says, which is given back (hex)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((address, port), timeout=PATIENCE) as there,
            context.wrap_socket(there, server_hostname=name) as tls,
        ):
            return {"end": "answered", "certificate": (tls.getpeercert(binary_form=True) or b"").hex()}
    except OSError as error:
        return {"end": type(error).__name__}


CLIENTS = {"tcp": over_tcp, "udp": over_udp, "tls": over_tls}


def main(out: str) -> None:
    calls: dict[str, list[Any]] = json.load(sys.stdin)  # what is asked for → client and its arguments
    with ThreadPoolExecutor(8) as places:
        under_way = {key: places.submit(CLIENTS[client], *words) for key, (client, *words) in calls.items()}
        met = {key: one.result() for key, one in under_way.items()}
    with open(out, "w", encoding="utf-8") as file:
        json.dump(met, file)


if __name__ == "__main__":
    main(sys.argv[1])
