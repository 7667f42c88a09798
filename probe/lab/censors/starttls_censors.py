"""Define the censor that removes or overwrites STARTTLS, or injects plaintext before TLS.

Real middleboxes do the first three, and an attacker the last:
- `remove`: the keyword is removed, as proxies and NAT gateways for mail do. Later packets of the server then have lower
  sequence numbers for the client, so every later packet of the flow is renumbered, both ways.
- `mask`: the keyword is overwritten with as many letters, as in Cisco's ESMTP inspection (`XXXXXXXA`).
- `refuse`: the list stays, and the command is overwritten with X, as that inspection does with every command that it
  does not allow. The server then answers that the command is unknown.
- `inject`: a forged response follows the server's go-ahead for TLS in the clear. A client that keeps it reads it as
  if it came over TLS (Poddebniak et al., "Why TLS is better without STARTTLS", USENIX Security 2021). Later packets of
  the server have higher sequence numbers for the client.
It reads one packet at a time, as real middleboxes do. A list that is split between two segments passes.
"""

import re
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, PrivateAttr

from probe.lab.censors.kit.flows import MOST_FLOWS, Flow, flow_of
from probe.lab.censors.kit.middlebox import AddressFilter
from probe.lab.censors.kit.wire_test import Exchange, WireTest
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import SYN, Packet, tcp_packet

MASK, OVERWRITTEN = b"XXXXXXXA", b"XXXXXXXX"
INJECTED = {"smtp": b"250 injected\r\n", "imap": b"* OK injected\r\n"}
WORD = 2**32

_SMTP_LINE = re.compile(rb"(?m)^(250)([ -])STARTTLS\r\n")
_SMTP_LAST = re.compile(rb"(?m)^250-([^\r\n]*\r\n)\Z")
_IMAP_LIST = re.compile(rb"(?m)^\* (?:CAPABILITY|OK \[CAPABILITY)[^\r\n]*")
_GO_AHEADS = {
    "smtp": re.compile(rb"\A220 [^\r\n]*TLS[^\r\n]*\r\n\Z", re.IGNORECASE),
    "imap": re.compile(rb"\A[!-~]+ OK [^\r\n]*TLS[^\r\n]*\r\n\Z", re.IGNORECASE),
}
_COMMANDS = {"smtp": re.compile(rb"(?i)\A(STARTTLS)\r?\n"), "imap": re.compile(rb"(?i)\A[!-~]+ (STARTTLS)\r?\n")}


@dataclass(frozen=True)
class Shift:
    """Record a change of length. `end`: the server's sequence number after it. `removed`: bytes, negative if added."""

    end: int
    removed: int


class StartTLSStrip(AddressFilter):
    """Remove or overwrite STARTTLS in what mail servers offer or clients send, or inject plaintext before TLS."""

    WIRE = (
        WireTest(
            {"names": ["smtp.gmail.com"], "ports": [587], "how": "mask", "protocols": ["smtp"]},
            (
                Exchange("smtp", "smtp.gmail.com", 587, contains="250-XXXXXXX", lacks="STARTTLS"),
                Exchange("tls", "smtp.gmail.com", 465, "smtp.gmail.com", contains="signed"),
            ),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold the packet")
    ports: list[int] = Field(default=[25, 143, 587], description="only these destination ports, empty: all")
    how: Literal["remove", "mask", "refuse", "inject"] = Field(
        description="what it does with the keyword or the command"
    )
    protocols: list[Literal["smtp", "imap"]] = Field(default=["smtp", "imap"], description="protocols that it changes")
    spoils_command: bool = Field(default=False, description="true: a client's command is overwritten too")

    _shifts: dict[Flow, Shift] = PrivateAttr(default_factory=dict)

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        out = direction is Direction.OUT
        concerned = packet.is_tcp and (
            self._matches(packet.destination, packet.dport) if out else self._matches(packet.source, packet.sport)
        )
        if not concerned:
            return None
        raw = self._from_client(packet) if out else self._from_server(packet)
        return None if raw is None else Actions(replace=raw)

    def _from_client(self, packet: Packet) -> bytes | None:
        flow = flow_of(packet, Direction.OUT)
        if packet.tcp_flags & SYN:
            self._shifts.pop(flow, None)
        spoils = self.how == "refuse" or self.spoils_command
        payload = self._with_overwritten_command(packet.payload) if spoils else packet.payload
        shift = self._shifts.get(flow)
        ack = packet.ack
        if shift is not None and _reaches(ack, shift.end - shift.removed):
            ack += shift.removed
        return _rewritten(packet, payload=payload, seq=packet.seq, ack=ack)

    def _from_server(self, packet: Packet) -> bytes | None:
        flow = flow_of(packet, Direction.IN)
        shift, seq = self._shifts.get(flow), packet.seq
        if shift is not None and _reaches(seq, shift.end):
            return _rewritten(packet, payload=packet.payload, seq=seq - shift.removed, ack=packet.ack)
        payload = self._shown(packet.payload)
        if len(payload) != len(packet.payload):
            while len(self._shifts) >= MOST_FLOWS:
                self._shifts.pop(next(iter(self._shifts)))
            end = (seq + len(packet.payload)) % WORD
            self._shifts[flow] = Shift(end, len(packet.payload) - len(payload))
        return _rewritten(packet, payload=payload, seq=seq, ack=packet.ack)

    def _shown(self, payload: bytes) -> bytes:
        """Return a server's bytes as the client receives them."""
        if self.how == "refuse":
            return payload
        if self.how == "inject":
            begun = (protocol for protocol in self.protocols if _GO_AHEADS[protocol].match(payload))
            return payload + INJECTED.get(next(begun, ""), b"")
        if "smtp" in self.protocols and (found := _SMTP_LINE.search(payload)):
            return self._in_smtp(payload, found)
        if "imap" in self.protocols and (listed := _IMAP_LIST.search(payload)):
            word = b"" if self.how == "remove" else b" " + MASK
            changed = re.sub(rb" STARTTLS(?=[\s\]]|$)", word, listed[0])
            return payload[: listed.start()] + changed + payload[listed.end() :]
        return payload

    def _in_smtp(self, payload: bytes, found: re.Match[bytes]) -> bytes:
        before, after = payload[: found.start()], payload[found.end() :]
        if self.how == "mask":
            return before + found[1] + found[2] + MASK + b"\r\n" + after
        if found[2] == b" ":  # the last line of the list, so the line before it must now end the list
            before = _SMTP_LAST.sub(rb"250 \1", before)
        return before + after

    def _with_overwritten_command(self, payload: bytes) -> bytes:
        for protocol in self.protocols:
            if found := _COMMANDS[protocol].match(payload):
                return payload[: found.start(1)] + OVERWRITTEN + payload[found.end(1) :]
        return payload


def _reaches(number: int, mark: int) -> bool:
    """Return whether a sequence number is at or after a mark (RFC 9293 3.4: numbers wrap)."""
    return (number - mark) % WORD < WORD // 2


def _rewritten(packet: Packet, *, payload: bytes, seq: int, ack: int) -> bytes | None:
    """Return the packet with other payload and numbers and right checksums. None: nothing has changed."""
    if (payload, seq, ack) == (packet.payload, packet.seq, packet.ack):
        return None
    header = packet.raw[packet.offset : packet.offset + (packet.raw[packet.offset + 12] >> 4) * 4]
    return tcp_packet(
        packet.src,
        packet.dst,
        packet.sport,
        packet.dport,
        flags=packet.tcp_flags,
        seq=seq,
        ack=ack,
        window=packet.window,
        payload=payload,
        options=header[20:],
        ttl=packet.ttl,
        ip_id=int.from_bytes(packet.raw[4:6], "big") if packet.version == 4 else 0,
    )
