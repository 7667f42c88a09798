"""Serve scripted mail dialogues on loopback."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.support.servers.loopback import Handler, Peer, TLSPeer

SMTP_LIST = b"250-mail.example at your service, [198.51.100.23]\r\n250-SIZE 100\r\n250-STARTTLS\r\n250 8BITMIME\r\n"
SMTP_INSIDE = b"250-mail.example\r\n250 AUTH PLAIN\r\n"
IMAP_LIST = b"* CAPABILITY IMAP4rev1 STARTTLS IDLE\r\na1 OK done\r\n"
IMAP_INSIDE = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\na1 OK done\r\n"


@dataclass
class Script:
    """Describe one server. `answers` maps commands to bytes, b"" for silence, None to close. `inside` is the same in
    TLS.

    `pause` sends byte by byte. `received` holds the received lines, and "TLS" after a handshake.
    """

    banner: bytes
    answers: dict[bytes, bytes | None] = field(default_factory=dict)
    inside: dict[bytes, bytes | None] = field(default_factory=dict)
    context: ssl.SSLContext | None = None
    implicit: bool = False
    pause: float | None = None
    upgrades: bool = True  # start TLS after a positive answer to STARTTLS
    received: list[bytes] = field(default_factory=list)

    @property
    def handler(self) -> Handler:
        async def serve(peer: Peer) -> None:
            if self.implicit:
                await self._inside(peer, self.banner)
                return
            await self._send(peer.send, self.banner)
            while line := await peer.reader.readline():
                self.received.append(line.strip())
                answer = self.answers.get(_word(line), b"")
                if answer is None:
                    return
                await self._send(peer.send, answer)
                if self.upgrades and _word(line) == b"STARTTLS" and (answer.startswith(b"220") or b" OK" in answer):
                    await self._inside(peer, b"")
                    return

        return serve

    async def _inside(self, peer: Peer, banner: bytes) -> None:
        assert self.context is not None
        tls = TLSPeer(peer, self.context)
        await tls.handshake()
        self.received.append(b"TLS")
        if banner:
            await tls.send(banner)
        while line := await tls.read():
            self.received.append(line.strip())
            answer = self.inside.get(_word(line), b"")
            if answer is None:
                return
            if answer:
                await tls.send(answer)

    async def _send(self, send: Callable[[bytes], Awaitable[None]], data: bytes) -> None:
        step = len(data) if self.pause is None else 1
        for at in range(0, len(data), step or 1):
            await send(data[at : at + step])
            await asyncio.sleep(self.pause or 0)


def _word(line: bytes) -> bytes:
    """Return the command without an IMAP tag."""
    words = line.split()
    return next((word for word in words[:2] if word in {b"EHLO", b"STARTTLS", b"QUIT", b"CAPABILITY", b"LOGOUT"}), b"")


def smtp(**changes: object) -> Script:
    """Return a working SMTP server. `changes` are fields of Script, `ehlo` and `starttls` are single answers."""
    answers = {b"EHLO": changes.pop("ehlo", SMTP_LIST), b"STARTTLS": changes.pop("starttls", b"220 Go ahead\r\n")}
    inside = {b"EHLO": changes.pop("ehlo_inside", SMTP_INSIDE)}
    return Script(**{"banner": b"220 mail.example ESMTP\r\n", "answers": answers, "inside": inside, **changes})  # type: ignore[arg-type]


def imap(**changes: object) -> Script:
    """Return a working IMAP server. `changes` are fields of Script, `capability` and `starttls` are single answers."""
    answers = {
        b"CAPABILITY": changes.pop("capability", IMAP_LIST),
        b"STARTTLS": changes.pop("starttls", b"a2 OK begin\r\n"),
    }
    inside = {b"CAPABILITY": changes.pop("capability_inside", IMAP_INSIDE)}
    return Script(**{"banner": b"* OK ready\r\n", "answers": answers, "inside": inside, **changes})  # type: ignore[arg-type]
