"""Check the network again during the run, because the facts of the preflight grow old."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from probe.formats.facts import NetworkCheck as CheckFacts
from probe.formats.facts import Portal
from probe.run.network.check_results import NAMES_TOGETHER, CheckResults, portal_verdict
from probe.run.network.local_network import through_vpn
from probe.run.network.network_changes import Change, NetworkChanges
from probe.run.network.neutral_host import intercepted, median_skew
from probe.run.network.preflight import PreflightChecks, preflight
from probe.session.classify import describe
from probe.session.session import Session
from probe.signatures.evidence_age import NETWORK_FACTS
from probe.steps.tls.certificate_checks import Roots
from probe.targets.target import Endpoint

GAP = 2.0  # seconds from the begin of one check to the next. All flows that begin meanwhile share the next one.
AT_LEAST = 60.0  # seconds after which the network is checked without a reason
NAMES_EVERY = 15.0  # seconds after which a check resolves the neutral names again
LOST_CHECKS = 3  # checks in a row without a handshake, after which the network is lost
RENEWED_AFTER = 120.0  # seconds after which the whole preflight is repeated before a round or a web address


@dataclass(frozen=True)
class FinishedCheck:
    """Hold one check. `began` is a time of the monotonic clock."""

    began: float
    facts: CheckFacts


class NetworkChecks:
    """Check the network of one run beside the flows that may accuse, and once a minute.

    The first check is the preflight. Checks may overlap, since a silent host makes one long.
    """

    def __init__(self, session: Session, roots: Roots, clock: Callable[[], float] = time.monotonic) -> None:
        self._session, self._roots, self._clock = session, roots, clock
        self._last = self._names_asked = clock()
        self._planned: asyncio.Task[None] | None = None  # waits for its begin
        self._running: set[asyncio.Task[None]] = set()
        self._changes: NetworkChanges | None = None  # from the start on
        self._regular: asyncio.Task[None] | None = None
        self._done: list[FinishedCheck] = []
        self._renewing = asyncio.Lock()
        self._turn, self._wanted = 0, set[str]()
        self._shown_further = False  # the hosts that else get a connection alone were asked for their certificates

    # -- when ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Check the network at least once a minute after the preflight."""
        self._last = self._names_asked = self._session.preflight_began or self._clock()
        self._changes = NetworkChanges(self._public())
        self._regular = asyncio.create_task(self._regularly())

    def beside(self, neutral: str = "") -> None:
        """Begin a check now, or GAP seconds after the last one began. Nothing begins once the run is stopping.

        The neutral host with the address `neutral` shows its certificate in it.
        """
        self._wanted |= {neutral} - {""}
        if self._planned is None and not self._session.stopping.is_set():
            self._planned = asyncio.create_task(self._at(self._last + GAP))

    async def settle(self, patience: float) -> None:
        """Wait at most `patience` seconds for the checks that are planned or under way."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + patience
        waiting = self._running | ({self._planned} if self._planned else set())
        if waiting:
            await asyncio.wait(waiting, timeout=patience)
        if self._running:  # also the check that was planned
            await asyncio.wait(self._running, timeout=max(0.0, ends - loop.time()))

    async def close(self) -> None:
        tasks = {task for task in (self._planned, self._regular, *self._running) if task is not None}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _regularly(self) -> None:
        while not self._session.stopping.is_set():
            await asyncio.sleep(max(0.0, self._last + AT_LEAST - self._clock()))
            if self._clock() >= self._last + AT_LEAST:
                self.beside()
                await asyncio.sleep(GAP)

    async def _at(self, due: float) -> None:
        """Begin a check at a time. It runs as a task of its own, so that the next one can be planned meanwhile."""
        await asyncio.sleep(max(0.0, due - self._clock()))
        self._planned, self._last = None, self._clock()
        task = asyncio.create_task(self._check(self._last))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    # -- what ----------------------------------------------------------------------------------------------------

    async def _check(self, began: float) -> None:
        """Make one check. A bug costs only this check."""
        check = PreflightChecks(self._session, self._roots)
        changes = self._changes.look() if self._changes else []
        try:
            await check.run_again(self._places(), self._names(began), self._proving())
            self._done.append(FinishedCheck(began, self._facts(check.found, changes)))
        except Exception as bug:
            self._session.bugs.append(describe(bug))
        self._session.bugs += check.trace.bugs

    def _places(self) -> list[tuple[Endpoint, str]]:
        """Return each neutral host and address that the preflight tested."""
        neutral = self._session.neutral
        known = (*neutral.endpoints, *neutral.reachability, *neutral.by_address)
        hosts = {endpoint.url: endpoint for endpoint in known}
        tested = self._session.preflight.get("neutral", [])
        return [(hosts[one["endpoint"]], one["address"]) for one in tested if one["endpoint"] in hosts]

    def _proving(self) -> set[str]:
        """Return the hosts that show their certificate in this check: one in turn, and those that got another name.

        A host that was reset is asked again.

        If a neutral host was cut off, the hosts for reachability do so once. An allowlist cuts most of them off too.
        """
        https = [endpoint.host for endpoint in self._session.neutral.endpoints if endpoint.scheme == "https"]
        asked = {endpoint.host for endpoint, ip in self._places() if ip in self._wanted}
        asked |= {host for host in https if host in self._session.innocuous_resets.to_repeat()}
        self._wanted.clear()
        self._turn += 1
        if self._session.neutral_cut_off and not self._shown_further:
            self._shown_further = True
            asked |= {endpoint.host for endpoint in self._session.neutral.reachability}
        return asked | set(https[self._turn % len(https) :][:1] if https else ())

    def _names(self, now: float) -> list[str]:
        if now < self._names_asked + NAMES_EVERY:
            return []
        self._names_asked = now
        return [endpoint.host for endpoint in self._session.neutral.endpoints][:NAMES_TOGETHER]

    def _public(self) -> set[str]:
        """Return the addresses of public resolvers, which are of several operators."""
        return {endpoint.host for _, endpoint in self._session.resolvers.endpoints() if endpoint.scheme == "dns+udp"}

    def _facts(self, found: CheckResults, changes: list[Change]) -> CheckFacts:
        return CheckFacts(
            began=0.0,
            neutral=[one.written() for one in found.neutral],
            portal=self._portal(found),
            clock_skew=median_skew(found.neutral),
            vpn=through_vpn(self._public()),
            tls_interception="all" if intercepted(found.neutral) else None,
            udp_public=any(found.udp_public) if found.udp_public else None,
            changes=changes or None,
        )

    def _portal(self, found: CheckResults) -> Portal | None:
        """Return the kind of portal. One that answers every name may let flows to known addresses pass."""
        led = {tuple(ips) for ips in found.led_to.values()}
        known = {ip for _, ip in self._places()}
        together = len(found.led_to) >= NAMES_TOGETHER and len(led) == 1 and not known.intersection(*led)
        return "dns" if together else portal_verdict(found)

    async def renew_preflight(self) -> None:
        """Repeat the preflight if it is old. Its results about the helpers stay, because they are checked elsewhere."""
        async with self._renewing:
            began, session = self._session.preflight_began, self._session
            if began is None or self._clock() - began < RENEWED_AFTER:
                return
            helpers, resolver = session.preflight.get("helpers", []), session.encrypted
            await preflight(session, self._roots)
            session.preflight["helpers"] = helpers
            self._last = session.preflight_began or self._clock()
            session.outdated += [resolver] if resolver else []  # measurements in progress may use it

    def lost_since(self, when: float, family: int) -> bool:
        """Return whether the last checks that began after `when` got no handshake with a neutral host of the family.

        There must be `LOST_CHECKS` of them, and at least two hosts must have been asked for a handshake. Fewer checks
        may be a short outage. A device may pass connects and no data. `when` is a time of the monotonic clock.
        """
        later = sorted((done for done in self._done if done.began >= when), key=lambda done: done.began)[-LOST_CHECKS:]
        neutral = [one for done in later for one in done.facts.neutral if one.family == family and not one.connect_only]
        asked = {one.endpoint for one in neutral}
        return len(later) == LOST_CHECKS and len(asked) > 1 and all(one.failure for one in neutral)

    # -- the record ----------------------------------------------------------------------------------------------

    def since(self, zero: float) -> list[dict[str, Any]]:
        """Return the checks that began after `zero`, or near before it, in the order of their begin."""
        near = (done for done in sorted(self._done, key=lambda done: done.began))
        return [
            done.facts.model_copy(update={"began": round(done.began - zero, 3)}).model_dump(mode="json")
            for done in near
            if done.began >= zero - NETWORK_FACTS.seconds
        ]
