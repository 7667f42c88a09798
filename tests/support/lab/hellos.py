"""Make client hellos of OpenSSL and of browsers, and the packets that carry them."""

import ssl

import utls

from probe.lab.net.packets import ACK, PSH, SYN, Packet, tcp_packet

CLIENT, SERVER = "192.88.99.77", "149.154.167.99"
CLIENT_V6, SERVER_V6 = "3c00:88:99:77::1:5", "2001:67c:4e8:f004::9"


def hello(name: str | None) -> bytes:
    """Return the first flight of a TLS client for `name`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise AssertionError("a handshake cannot be complete before the server answers")


def browsers_hello(name: str) -> bytes:
    """Return the first flight of a browser, with GREASE values (RFC 8701)."""
    context = utls.SSLContext(utls.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_fingerprint("chrome:stable")
    incoming, outgoing = utls.MemoryBIO(), utls.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return bytes(outgoing.read())
    raise AssertionError("a handshake cannot be complete before the server answers")


def in_records(data: bytes, size: int) -> bytes:
    """Return the handshake message in records of at most `size` bytes."""
    body = data[5:]
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"\x16\x03\x01" + len(piece).to_bytes(2, "big") + piece for piece in pieces)


def syn(sport: int = 40000, dport: int = 443, src: str = CLIENT, dst: str = SERVER) -> Packet:
    """Return the SYN of a flow. Its data start at sequence number 1001."""
    return Packet(tcp_packet(src, dst, sport, dport, flags=SYN, seq=1000))


def data(
    payload: bytes, sport: int = 40000, dport: int = 443, at: int = 0, src: str = CLIENT, dst: str = SERVER
) -> Packet:
    """Return a data packet with its payload `at` bytes into the stream. The server's next byte is 5001."""
    return Packet(tcp_packet(src, dst, sport, dport, flags=PSH | ACK, seq=1001 + at, ack=5001, payload=payload))
