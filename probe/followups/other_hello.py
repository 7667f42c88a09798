"""A hello that dies → the same name in another hello: is it the name that is acted on, or also how it is said?

Some boxes know programs by their hello (its cipher suites, the order of its extensions), and some give up on one that
is longer than a segment. A hello like a browser's, and our own at another length, go to a neutral host first, where the
name died in ours too: only what passes there is worth one of the few triggers that law 7 leaves for the service's own
address. What passes counts only if our own hello dies there again afterwards: else an outage has ended meanwhile.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from probe.dialogue import has_exchangeable_name
from probe.formats import failures as f
from probe.formats.transactions import FollowUp, TransactionRecord
from probe.resolution.encrypted_dns import family_of
from probe.session.session import Session
from probe.session.trace import Trace
from probe.steps.tcp import tcp_connect
from probe.steps.tls.certificates import Roots
from probe.steps.tls.client_hello import OWN, RESIZED, Hello, browser_hello
from probe.steps.tls.tls import tls_handshake
from probe.targets.target import Endpoint

NO_ANSWER = f.CUT_OFF | f.SILENT  # an alert or a certificate is somebody's answer

_HELLOS: dict[FollowUp, Callable[[], Hello]] = {
    "browser_hello": browser_hello,
    "harmless_browser_hello": browser_hello,
    "other_size_hello": lambda: RESIZED,
    "same_hello_again": lambda: OWN,
}


class OtherHellos:
    """A measurement's; for each endpoint, service and family once where our hello died, and once where it passed."""

    def __init__(self, trace: Trace, session: Session, roots: Callable[[], Roots]) -> None:
        self._trace, self._session, self._roots = trace, session, roots
        self._done: set[tuple[str, str, int, bool]] = set()

    async def try_them(self, failed: TransactionRecord, again: TransactionRecord | None, endpoint: Endpoint) -> None:
        """Say the name otherwise, where two hellos died of what is no answer of the server's."""
        key = (endpoint.url, failed.service, failed.family, False)
        if again is None or key in self._done or not _died_of_no_answer(failed, again, endpoint):
            return
        self._done.add(key)
        kinds: list[FollowUp] = ["browser_hello"] if endpoint.scheme == "https" else []  # where browsers go
        kinds.append("other_size_hello")
        neutral = self._neutral_host(failed, endpoint)
        if neutral is not None:
            said = await asyncio.gather(*(self._say(kind, failed, endpoint, *neutral) for kind in kinds))
            kinds = [kind for kind, record in zip(kinds, said, strict=True) if _passed(record)]
        deep = self._session.settings.depth == "deep"
        await self._at_the_address(kinds, failed, endpoint, sparing=neutral is None and not deep)

    async def _at_the_address(
        self, kinds: list[FollowUp], failed: TransactionRecord, endpoint: Endpoint, *, sparing: bool
    ) -> None:
        """Say it in these ways, and at the end in our own. `sparing`: the first that dies ends it."""
        passed = False
        for kind in kinds:
            said = await self._say(kind, failed, endpoint, failed.address, failed.port)
            passed |= _passed(said)
            if sparing and said is not None and said.trigger and not _passed(said):
                break
        if passed:
            await self._say("same_hello_again", failed, endpoint, failed.address, failed.port)

    async def try_as_browsers(self, passed: TransactionRecord, endpoint: Endpoint) -> None:
        """Say the name as browsers do though it passed in our own hello; if it dies twice, a harmless one too.

        Some boxes mean browsers. A trigger for every endpoint that works is what `deep` is for.
        """
        key = (endpoint.url, passed.service, passed.family, True)
        if self._session.settings.depth != "deep" or endpoint.scheme != "https" or key in self._done:
            return
        self._done.add(key)
        place = (passed.address, passed.port)
        for _ in range(2):
            said = await self._say("browser_hello", passed, endpoint, *place)
            if said is None or (said.failed_operation, said.failure in NO_ANSWER) != ("tls_handshake", True):
                return
        await self._say("harmless_browser_hello", passed, endpoint, *place)

    def _neutral_host(self, failed: TransactionRecord, endpoint: Endpoint) -> tuple[str, int] | None:
        """A neutral host, where the name died at one; another than was told the name, if there are two.

        None where it passed there: then the address is a part of it, and nothing is to be learned elsewhere.
        """
        cause = ("same_name_neutral_host", endpoint.url, failed.service, failed.family)
        told = [r for r in self._trace.transactions if (r.followup, r.endpoint, r.service, r.family) == cause]
        if not any(record.failed_operation == "tls_handshake" for record in told):
            return None
        neutral = [(ip, host) for ip, host in self._session.neutral_addresses if family_of(ip) == failed.family]
        hosts = [(ip, host.port) for ip, host in neutral if host.scheme != "quic"]
        return next(((ip, port) for ip, port in hosts if ip not in {r.address for r in told}), hosts[0])

    async def _say(
        self, kind: FollowUp, cause: TransactionRecord, endpoint: Endpoint, ip: str, port: int
    ) -> TransactionRecord | None:
        """Say the name (or a harmless one) in a hello of this kind; None where nothing may be sent any more.

        A browser's must come to the name's certificate, which a neutral host has not; to others any answer will do.
        """
        pace, harmless = self._session.pace, kind == "harmless_browser_hello"
        name = self._session.neutral.innocuous[0] if harmless else endpoint.host
        async with pace.place():
            if self._session.stopping.is_set() or not pace.can_trigger(name, ip, endpoint.carrier):
                return None
            about: dict[str, Any] = {"service": cause.service, "endpoint": endpoint.url, "sent_name": name}
            about |= {"address": ip, "port": port, "family": cause.family, "cause": cause.transaction_id}
            async with self._trace.transaction("followup", followup=kind, **about) as tx:
                hello = _HELLOS[kind]()  # or the fault is ours, and nothing is sent
                conn = await tcp_connect(tx, ip, port, pace=pace)
                if not harmless:
                    pace.spend_trigger(name, ip, endpoint.carrier, port)
                    tx.record.trigger = True
                check = kind == "browser_hello" and ip == cause.address
                how: dict[str, Any] = {"check": check, "alpn": endpoint.facts.alpn_offered, "hello": hello}
                await tls_handshake(tx, conn, name, pace=pace, roots=self._roots(), **how)
        return tx.record


def _passed(record: TransactionRecord | None) -> bool:
    return record is not None and record.failure is None


def _died_of_no_answer(failed: TransactionRecord, again: TransactionRecord, endpoint: Endpoint) -> bool:
    """Whether both hellos drew a reset, an end or silence."""
    if not has_exchangeable_name(endpoint) or endpoint.facts.name_layer != "tls":
        return False
    ends = {(record.failed_operation, record.failure in NO_ANSWER) for record in (failed, again)}
    return ends == {("tls_handshake", True)}
