"""The censor that meddles with STARTTLS: it vanishes from the list, is overwritten, is not understood, or gets company.

Three ways that real boxes have, and one of an attacker's:
- `remove`: the word is cut out, as proxies and address translators with helpers do. What the server sends from then on
  has lower numbers for the client, so every later packet of the flow is renumbered, both ways.
- `mask`: the word is overwritten with as many other letters, as Cisco's ESMTP inspection does (`XXXXXXXA`).
- `refuse`: the list stays, and the command is overwritten with as many X on its way, as that inspection does with every
  command that it does not allow; the server itself then says that it does not know it.
- `inject`: a response of the censor's stands in the clear behind the server's go-ahead for TLS; a client that keeps it
  takes it for what came under TLS (Poddebniak et al., "Why TLS is better without STARTTLS", USENIX Security 2021). What
  follows has higher numbers for the client.
It looks at one packet at a time, as such boxes do: a list cut between two segments escapes it.
"""

import re
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, PrivateAttr

from probe.lab.censors.kit.flows import MOST_FLOWS, Flow, flow_of
from probe.lab.censors.kit.middlebox import Aimed
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import SYN, Packet, tcp_packet

MASK, SPOILT = b"XXXXXXXA", b"XXXXXXXX"
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
class Cut:
    """What a flow's packet lost: `end` is the server's number behind it, `gone` the bytes, negative where it gained."""

    end: int
    gone: int


class StartTLSStrip(Aimed):
    """Takes STARTTLS out of what mail servers offer or clients ask, or adds plaintext to what is to come under TLS."""

    on_path: Literal[False] = Field(default=False, description="always false: it has to hold the packet")
    ports: list[int] = Field(default=[25, 143, 587], description="only these destination ports; empty: all")
    how: Literal["remove", "mask", "refuse", "inject"] = Field(description="what it does to the word, or behind it")
    protocols: list[Literal["smtp", "imap"]] = Field(default=["smtp", "imap"], description="whose lists and commands")
    spoils_command: bool = Field(default=False, description="also overwrite the command of who asks all the same")

    _cuts: dict[Flow, Cut] = PrivateAttr(default_factory=dict)

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """What to do about `packet`; None: nothing."""
        out = direction is Direction.OUT
        meant = packet.is_tcp and (
            self._means(packet.destination, packet.dport) if out else self._means(packet.source, packet.sport)
        )
        if not meant:
            return None
        raw = self._from_client(packet) if out else self._from_server(packet)
        return None if raw is None else Actions(replace=raw)

    def _from_client(self, packet: Packet) -> bytes | None:
        flow = flow_of(packet, Direction.OUT)
        if packet.tcp_flags & SYN:
            self._cuts.pop(flow, None)
        spoils = self.how == "refuse" or self.spoils_command
        payload = self._spoilt(packet.payload) if spoils else packet.payload
        cut = self._cuts.get(flow)
        ack = packet.ack
        if cut is not None and _reaches(ack, cut.end - cut.gone):
            ack += cut.gone
        return _rewritten(packet, payload=payload, seq=packet.seq, ack=ack)

    def _from_server(self, packet: Packet) -> bytes | None:
        flow = flow_of(packet, Direction.IN)
        cut, seq = self._cuts.get(flow), packet.seq
        if cut is not None and _reaches(seq, cut.end):
            return _rewritten(packet, payload=packet.payload, seq=seq - cut.gone, ack=packet.ack)
        payload = self._shown(packet.payload)
        if len(payload) != len(packet.payload):
            while len(self._cuts) >= MOST_FLOWS:
                self._cuts.pop(next(iter(self._cuts)))
            end = (seq + len(packet.payload)) % WORD
            self._cuts[flow] = Cut(end, len(packet.payload) - len(payload))
        return _rewritten(packet, payload=payload, seq=seq, ack=packet.ack)

    def _shown(self, payload: bytes) -> bytes:
        """A server's bytes as the client shall see them."""
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
        if found[2] == b" ":  # the list's last line: the one before it now ends the list
            before = _SMTP_LAST.sub(rb"250 \1", before)
        return before + after

    def _spoilt(self, payload: bytes) -> bytes:
        for protocol in self.protocols:
            if found := _COMMANDS[protocol].match(payload):
                return payload[: found.start(1)] + SPOILT + payload[found.end(1) :]
        return payload


def _reaches(number: int, mark: int) -> bool:
    """Whether a sequence number is at or behind a mark (RFC 9293, 3.4: numbers wrap)."""
    return (number - mark) % WORD < WORD // 2


def _rewritten(packet: Packet, *, payload: bytes, seq: int, ack: int) -> bytes | None:
    """The packet with other bytes and numbers and right checksums; None where nothing has changed."""
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
