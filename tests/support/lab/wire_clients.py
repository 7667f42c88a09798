"""Send raw bytes over TCP, UDP or TLS and report the answers, without any code of the probe.

Used as a program in the lab: `wire_clients.py OUT` reads calls from standard input and writes their results to OUT.
"""

import json
import socket
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

PATIENCE = 2.0  # seconds


def over_tcp(address: str, port: int, payload: str, greeted: bool = False) -> dict[str, str]:
    """Connect, wait for a greeting if `greeted`, send the payload (hex). Return answer and end."""
    came = b""
    try:
        with socket.create_connection((address, port), timeout=PATIENCE) as sock:
            greeting = sock.recv(2000) if greeted else b""
            sock.sendall(bytes.fromhex(payload))
            came = sock.recv(4000)
            return {"greeting": greeting.hex(), "came": came.hex(), "end": "answered" if came else "closed"}
    except OSError as error:
        return {"came": came.hex(), "end": type(error).__name__}


def over_udp(address: str, port: int, payload: str) -> dict[str, str]:
    """Send one datagram (hex) and return the first answer."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.settimeout(PATIENCE)
            sock.connect((address, port))
            sock.send(bytes.fromhex(payload))
            return {"came": sock.recv(4000).hex(), "end": "answered"}
    except OSError as error:
        return {"came": "", "end": type(error).__name__}


def over_tls(address: str, port: int, name: str) -> dict[str, str]:
    """Make a TLS handshake that accepts any certificate. Return the certificate (hex)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((address, port), timeout=PATIENCE) as sock,
            context.wrap_socket(sock, server_hostname=name) as tls,
        ):
            return {"end": "answered", "certificate": (tls.getpeercert(binary_form=True) or b"").hex()}
    except OSError as error:
        return {"end": type(error).__name__}


CLIENTS = {"tcp": over_tcp, "udp": over_udp, "tls": over_tls}


def main(out: str) -> None:
    """Run the calls of standard input and write their results to the file `out`."""
    calls: dict[str, list[Any]] = json.load(sys.stdin)  # client and its arguments, by key
    with ThreadPoolExecutor(8) as pool:
        running = {key: pool.submit(CLIENTS[client], *values) for key, (client, *values) in calls.items()}
        results = {key: call.result() for key, call in running.items()}
    with open(out, "w", encoding="utf-8") as file:
        json.dump(results, file)


if __name__ == "__main__":
    main(sys.argv[1])
