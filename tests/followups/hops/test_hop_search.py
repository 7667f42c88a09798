"""Test hop searches: triggers within the budget, only after interference, and beginning at earlier results."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from probe.connectivity.endpoint import Reach
from probe.followups.flow import FlowRunner
from probe.followups.hops import hop_search as location
from probe.followups.hops import limited_flows
from probe.followups.hops.hop_search import FLOWS_STANDARD, HopSearch
from probe.followups.hops.limited_payloads import opening_of, stream_payload
from probe.formats import failures as f
from probe.formats.exchanges.hops import Distance, LimitedPayload, PathSweep
from probe.formats.exchanges.mail import MailGreeting
from probe.formats.transactions import TransactionRecord
from probe.resolution.lookup import Names
from probe.session.pacing import TRIGGERS_STANDARD, Pace
from probe.session.session import HELPER, RunSettings
from probe.session.trace import Trace, TransactionFacts
from probe.signatures.ttl_distance import Interval
from probe.steps.path.limited_ttl import SENT_TWICE
from probe.targets.target import Endpoint, parse_endpoint
from tests.support.simulated_path import SimulatedPath
from tests.support.world import INNOCUOUS, World

NAME, IP, OTHER_IP, PORT = "service.example", "198.51.100.7", "198.51.100.8", 443
HTTPS = parse_endpoint(f"https://{NAME}:{PORT}/")
HOP, HOPS = 5, 8


class Path8(SimulatedPath):
    """Represent a path of eight routers with a censor on the fifth. Flows and sweeps are counted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(HOPS)
        self.flows: list[list[int]] = []
        self.payloads: list[bytes] = []
        self.acts: Callable[[int], bool] = lambda ttl: ttl >= HOP
        self.install(monkeypatch, "limited_payload_tcp")

    async def limited_payload_tcp(
        self, tx: Any, conn: Any, payload: bytes, kind: Any, ttls: list[int], **how: Any
    ) -> LimitedPayload:
        self.flows.append(ttls)
        self.payloads.append(payload)
        entry = LimitedPayload(address=conn.address, transport="tcp", payload=kind)
        async with tx.step(entry, 5.0):
            for ttl in ttls:
                entry.distances.append(Distance(ttl=ttl, sent=1, outcome="reset" if self.acts(ttl) else "expired"))
                if self.acts(ttl):
                    break
        return entry


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch) -> Path8:
    return Path8(monkeypatch)


async def failed_attempts(
    trace: Trace,
    where: HopSearch,
    *,
    service: str = "web",
    innocuous: str | None = None,
    again: str = f.RESET,
    endpoint: Endpoint = HTTPS,
    address: str = IP,
) -> None:
    """Record an innocuous flow with the failure `innocuous`, and two flows with the own name that were reset."""

    async def flow(kind: Any, failure: str | None, name: str) -> Any:
        facts = TransactionFacts(
            kind, service=service, endpoint=endpoint.url, address=address, port=PORT, family=4, sent_name=name
        )
        async with trace.transaction(facts) as tx:
            tx.record.steps.append("connect")
        if failure is not None:
            tx.record.failed_operation, tx.record.failure = "tls_handshake", failure
        return tx.record

    await flow("innocuous", innocuous, INNOCUOUS)
    where.cases.note(await flow("first", f.RESET, NAME), await flow("confirm", again, NAME), endpoint)


def answered_query(address: str, hostname: str) -> TransactionFacts:
    return TransactionFacts(
        "followup",
        followup="dark_resolver",
        cause=1,
        hostname=hostname,
        address=address,
        port=53,
        family=4,
        sent_name=hostname,
    )


def followups(trace: Trace) -> list[str]:
    return [record.followup for record in trace.transactions if record.followup]


async def test_search_finds_the_hop_within_three_triggers_each_counted(world: World, path: Path8) -> None:
    trace = Trace()
    where = HopSearch(FlowRunner(trace, world.session))
    await failed_attempts(trace, where)
    await where.find({NAME})
    assert followups(trace) == ["path_sweep", *["limited_payload"] * len(path.flows)]
    assert 1 < len(path.flows) <= FLOWS_STANDARD and world.session.pace.triggers == len(path.flows)
    assert {r.trigger for r in trace.transactions if r.followup == "limited_payload"} == {True}
    assert not any(r.trigger for r in trace.transactions if r.followup == "path_sweep")
    found = world.session.located["tls"]
    assert (found.low, found.high) == (HOP - 1, HOP) and trace.bugs == []


async def test_search_spends_only_the_triggers_that_are_left(world: World, path: Path8) -> None:
    trace = Trace()
    where = HopSearch(FlowRunner(trace, world.session))
    await failed_attempts(trace, where)
    for _ in range(TRIGGERS_STANDARD - 1):
        world.session.pace.spend_trigger(NAME, IP, "tcp", PORT)
    await where.find({NAME})
    assert len(path.flows) == 1 and trace.bugs == []


async def test_another_service_begins_where_the_first_search_ended(world: World, path: Path8) -> None:
    trace = Trace()
    where = HopSearch(FlowRunner(trace, world.session))
    await failed_attempts(trace, where)
    await failed_attempts(trace, where, service="chat")
    await where.find({NAME})
    assert path.sweeps == 1 and path.flows[-1] == [HOP - 1, HOP]
    assert [r.service for r in trace.transactions if r.followup == "limited_payload"].count("chat") == 1


async def test_deep_search_repeats_both_ends_until_five_runs_agree(world: World, path: Path8) -> None:
    world.session.settings, world.session.pace = RunSettings(depth="deep"), Pace(deep=True)
    trace = Trace()
    where = HopSearch(FlowRunner(trace, world.session))
    await failed_attempts(trace, where)
    await where.find({NAME})
    for ttl in (HOP - 1, HOP):
        assert sum(ttl in ttls for ttls in path.flows) >= 5
    assert path.flows[-1] in ([HOP - 1], [HOP]) and len(path.flows) < 20


async def test_hellos_that_are_compared_have_one_form(world: World, path: Path8) -> None:
    """Test a middlebox that acts on hellos of two segments alone, on the third router.

    Our hello needs two segments since OpenSSL 3.5. It is sent in one, whether a flow has one TTL or two.
    """
    path.routers, path.acts = 6, lambda ttl: ttl >= 3 and len(path.payloads[-1]) > 1400
    trace = Trace()
    where = HopSearch(FlowRunner(trace, world.session))
    await failed_attempts(trace, where)
    await where.find({NAME})
    assert len(path.flows[-1]) == 1 and world.session.located == {}


async def test_ttls_that_remain_are_tried_at_another_address(world: World, path: Path8) -> None:
    trace = Trace()
    where = HopSearch(FlowRunner(trace, world.session))
    for address in (IP, OTHER_IP):
        await failed_attempts(trace, where, address=address)
        for _ in range(TRIGGERS_STANDARD - 1):
            world.session.pace.spend_trigger(NAME, address, "tcp", PORT)
    await where.find({NAME})
    assert path.flows == [[3, 6], [4, 5]]
    assert [r.address for r in trace.transactions if r.followup == "limited_payload"] == [IP, OTHER_IP]
    assert world.session.located["tls"] == Interval(HOP - 1, HOP, 1) and trace.bugs == []


async def test_without_a_successful_innocuous_flow_the_path_of_datagrams_is_measured_too(
    world: World, path: Path8
) -> None:
    """Test that the connect may have ended at a middlebox. Nothing is sent that reaches the end of both paths."""
    trace = Trace()
    where = HopSearch(FlowRunner(trace, world.session))
    await failed_attempts(trace, where, innocuous=f.RESET)
    await where.find({NAME})
    assert path.sweeps == 2 and world.session.located["tls"].high == HOP
    assert all(ttl <= HOPS for ttls in path.flows for ttl in ttls)


REFUSED = "unknown_failure: smtp: {}"


def stopped(operation: str, failure: str, url: str, *steps: str) -> tuple[TransactionRecord, Endpoint]:
    record = TransactionRecord(transaction_id=1, kind="first", service="s", address=IP, port=PORT)
    record.failed_operation, record.failure, record.steps = operation, failure, list(steps)
    return record, parse_endpoint(url)


async def test_both_addresses_together_get_the_triggers_of_one_search(world: World, path: Path8) -> None:
    """Test a path so long that three flows leave several TTLs."""
    path.routers, path.acts = 60, lambda ttl: ttl >= 14
    trace = Trace()
    where = HopSearch(FlowRunner(trace, world.session))
    for address in (IP, OTHER_IP):
        await failed_attempts(trace, where, address=address)
    await where.find({NAME})
    assert {r.address for r in trace.transactions if r.followup == "limited_payload"} == {IP}
    assert world.session.pace.triggers == FLOWS_STANDARD and world.session.located == {}


@pytest.mark.parametrize(
    ("failed", "kind"),
    [
        (stopped("tls_handshake", f.SSL_UNKNOWN_AUTHORITY, f"https://{NAME}:443/"), ["tls", "syn"]),
        (stopped("stun_exchange", f.RESET, f"stun://{NAME}:3478;transport=tcp"), ["stun"]),
        (stopped("sip_options", f.TIMEOUT, f"sip://{NAME}:5060;transport=tcp"), ["sip"]),
        (stopped("mtproto_exchange", f.RESET, f"mtproto://{IP}:443"), ["random"]),
        (stopped("sip_options", f.RESET, f"sip://{NAME}:5061;transport=tls", "tls_handshake"), ["inside_tls"]),
        (stopped("http_round_trip", f.SSL_UNKNOWN_AUTHORITY, f"http://{NAME}:80/"), []),
        (stopped("mail_greeting", f.TIMEOUT, f"smtp+starttls://{NAME}:587"), ["smtp"]),
        (stopped("mail_greeting", f.RESET, f"imap+starttls://{NAME}:143"), ["imap"]),
        (stopped("mail_greeting", REFUSED.format("ehlo refused 550"), f"smtp+starttls://{NAME}:587"), []),
        (stopped("mail_starttls", REFUSED.format("starttls refused 502"), f"smtp+starttls://{NAME}:587"), ["smtp"]),
        (stopped("mail_starttls", REFUSED.format("starttls not offered"), f"smtp+starttls://{NAME}:587"), []),
        (stopped("reflector_hello", f.RESET, f"reflector+tcp://{IP}:443"), []),
    ],
)
async def test_failure_for_any_name_is_searched_with_its_payload(
    world: World, failed: tuple[TransactionRecord, Endpoint], kind: list[str]
) -> None:
    record, endpoint = failed
    where = HopSearch(FlowRunner(Trace(), world.session))
    where.cases.note(record, record, endpoint)
    cases = where.cases.of({NAME})
    assert [case.kind for case in cases] == kind
    assert all(case.any_name and case.carrier == "tcp" for case in cases)
    assert all(opening_of(case) is not None or stream_payload(case, short=True) for case in cases)
    assert [case.intercepted for case in cases] == [record.failure == f.SSL_UNKNOWN_AUTHORITY] * len(cases)


@pytest.mark.parametrize("seen", [{"known_refusal": 550}, {"contradicted": True}, {"contradicted": False}])
async def test_refusal_that_looks_injected_is_searched(world: World, seen: dict[str, Any]) -> None:
    trace, endpoint = Trace(), parse_endpoint(f"smtp+starttls://{NAME}:587")
    where = HopSearch(FlowRunner(trace, world.session))
    facts, entry = (
        TransactionFacts("first", endpoint=endpoint.url, address=IP, port=587),
        MailGreeting(address=f"{IP}:587", protocol="smtp", **seen),
    )
    async with trace.transaction(facts) as tx, tx.step(entry, 1.0):
        pass
    tx.record.failed_operation, tx.record.failure = "mail_greeting", REFUSED.format("ehlo refused 550")
    where.cases.note(tx.record, tx.record, endpoint)
    cases = [(case.kind, case.asks_for_tls) for case in where.cases.of({NAME})]
    assert cases == ([] if seen == {"contradicted": False} else [("smtp", False)])


@pytest.mark.parametrize(
    ("failure", "by_silence", "intercepted"),
    [
        (f.TIMEOUT, True, False),
        (f.REFUSED, False, False),
        (f.HOST_UNREACHABLE, False, False),
        (f.SSL_UNKNOWN_AUTHORITY, False, True),
    ],
)
async def test_quic_that_fails_for_any_name_is_searched_with_hellos_and_datagrams(
    world: World, failure: str, by_silence: bool, intercepted: bool
) -> None:
    record, endpoint = stopped("quic_handshake", failure, f"quic://{NAME}:443/")
    where = HopSearch(FlowRunner(Trace(), world.session))
    where.cases.note(record, record, endpoint)
    cases = where.cases.of({NAME})
    assert [case.kind for case in cases] == ["quic", "datagram"]
    assert {(case.any_name, case.by_silence, case.intercepted) for case in cases} == {(True, by_silence, intercepted)}


async def test_redirected_packets_of_both_families_are_compared(world: World) -> None:
    where = HopSearch(FlowRunner(Trace(), world.session))
    for address in ("2001:db8::7", IP, "2001:db8::8"):
        record, endpoint = stopped("quic_handshake", f.SSL_UNKNOWN_AUTHORITY, f"quic://{NAME}:443/")
        record.address = address
        where.cases.note(record, record, endpoint)
    cases = [(case.kind, case.ip) for case in where.cases.of({NAME})]
    assert cases == [("quic", "2001:db8::7"), ("datagram", "2001:db8::7"), ("datagram", IP)]


@pytest.mark.parametrize(
    ("innocuous", "by_silence", "sweep", "how"),
    [
        (None, False, "tcp", (False, True)),
        (None, True, "tcp", (True, False)),
        (f.REFUSED, False, "udp", (False, True)),
    ],
)
async def test_quic_hello_without_a_datagram_ahead_shows_icmp_errors(
    world: World,
    path: Path8,
    monkeypatch: pytest.MonkeyPatch,
    innocuous: str | None,
    by_silence: bool,
    sweep: str,
    how: tuple[bool, bool],
) -> None:
    """Test that an error may not belong to a datagram ahead. For any name the path of datagrams is measured."""
    seen: list[tuple[bool, bool]] = []
    sweeps: list[str] = []

    async def limited(tx: Any, ip: str, port: int, datagram: bytes, kind: Any, ttls: list[int], **asked: Any) -> Any:
        seen.append((bool(asked["ahead"]), asked["by_error"]))
        entry = LimitedPayload(address=f"{ip}:{port}", transport="udp", payload=kind)
        async with tx.step(entry, 5.0):
            return entry

    async def sweep_path(tx: Any, ip: str, port: int, *, transport: str, **asked: Any) -> PathSweep:
        sweeps.append(transport)
        return await path.sweep_path(tx, ip, port)

    monkeypatch.setattr(limited_flows, "limited_payload_udp", limited)
    monkeypatch.setattr(location, "sweep_path", sweep_path)
    trace, endpoint = Trace(), parse_endpoint(f"quic://{NAME}:443/")
    where = HopSearch(FlowRunner(trace, world.session))
    flow = TransactionFacts("innocuous", endpoint=endpoint.url, address=IP, port=PORT, family=4, sent_name=INNOCUOUS)
    async with trace.transaction(flow) as tx:
        tx.record.steps.append("quic_handshake")
    tx.record.failure = innocuous
    record, _ = stopped("quic_handshake", f.TIMEOUT if by_silence else f.REFUSED, endpoint.url)
    where.cases.note(record, record, endpoint)
    await where.find({NAME})
    assert set(seen) == {how} and sweeps[0] == sweep and trace.bugs == []


@pytest.mark.parametrize("scheme", ["stun", "turn", "sip"])
async def test_name_reset_in_a_call_dialect_over_tls_is_searched(world: World, path: Path8, scheme: str) -> None:
    trace = Trace()
    where = HopSearch(FlowRunner(trace, world.session))
    await failed_attempts(trace, where, endpoint=parse_endpoint(f"{scheme}://{NAME}:{PORT};transport=tls"))
    await where.find({NAME})
    assert followups(trace) == ["path_sweep", *["limited_payload"] * len(path.flows)]
    assert world.session.located["tls"].high == HOP


@pytest.mark.parametrize("again", [f.TIMEOUT, f.SSL_INVALID_HOSTNAME, f.INTERRUPTED])
async def test_two_different_failures_are_not_searched(world: World, path: Path8, again: str) -> None:
    trace = Trace()
    where = HopSearch(FlowRunner(trace, world.session))
    await failed_attempts(trace, where, again=again)
    await where.find({NAME})
    assert followups(trace) == []


async def test_search_ends_after_its_time_limit(world: World, path: Path8, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(location, "SECONDS", {"standard": -1.0})
    trace = Trace()
    where = HopSearch(FlowRunner(trace, world.session))
    await failed_attempts(trace, where)
    await where.find({NAME})
    assert followups(trace) == ["path_sweep"] and path.flows == []


async def test_no_search_once_the_run_is_stopping(world: World, path: Path8) -> None:
    trace = Trace()
    where = HopSearch(FlowRunner(trace, world.session))
    await failed_attempts(trace, where)
    world.session.stopping.set()
    await where.find({NAME})
    assert followups(trace) == [] and path.flows == []


@pytest.mark.parametrize("forbidden_by", ["as_control", "no_followups", "stopping"])
async def test_helper_and_runs_without_follow_ups_search_nothing(world: World, path: Path8, forbidden_by: str) -> None:
    trace = Trace()
    reach = Reach(trace, world.session, Names(trace, world.session), world.roots)
    await failed_attempts(trace, reach._attempts.hop_search)
    world.session.as_control = forbidden_by == "as_control"
    if forbidden_by == "no_followups":
        world.session.settings = RunSettings(followups=False)
    if forbidden_by == "stopping":
        world.session.stopping.set()
    await reach.search_hops()
    assert followups(trace) == []


@pytest.mark.parametrize(("routers", "device"), [(HOPS, HOP), (14, 12), (14, 1), (26, 20)])
async def test_name_that_the_path_answers_for_is_searched_with_two_distances_a_flow(
    world: World, path: Path8, monkeypatch: pytest.MonkeyPatch, routers: int, device: int
) -> None:
    asked: list[list[int]] = []
    path.routers = routers

    async def limited(tx: Any, ip: str, port: int, datagram: bytes, kind: Any, ttls: list[int], **how: Any) -> Any:
        asked.append(ttls)
        assert how["most"] == SENT_TWICE and how["ahead"] == b"" and NAME.split(".")[0].encode() in datagram
        entry = LimitedPayload(address=f"{ip}:{port}", transport="udp", payload=kind)
        async with tx.step(entry, 5.0):
            for ttl in ttls:
                entry.distances.append(Distance(ttl=ttl, sent=1, outcome="answered" if ttl >= device else "expired"))
        return entry

    monkeypatch.setattr(limited_flows, "limited_payload_udp", limited)
    trace = Trace()
    where = HopSearch(FlowRunner(trace, world.session))
    for hostname in (NAME, "other.example"):
        async with trace.transaction(answered_query("203.0.113.1", hostname)):
            pass
    await where.find({NAME, "other.example"})
    assert len(asked) == world.session.pace.triggers <= FLOWS_STANDARD and all(len(ttls) <= 2 for ttls in asked)
    assert world.session.located["dns"].high == device and world.session.located["dns"].exact
    assert {r.hostname for r in trace.transactions if r.followup == "limited_payload"} == {NAME}


@pytest.mark.parametrize(("failure", "cases"), [(f.DNS_NXDOMAIN, 1), (f.DNS_NO_ANSWER, 0), (f.TIMEOUT, 0), (None, 1)])
async def test_referral_of_a_server_is_no_forgery(world: World, failure: str | None, cases: int) -> None:
    trace = Trace()
    async with trace.transaction(answered_query("198.41.0.4", NAME)) as tx:
        pass
    tx.record.failure = failure
    assert len(HopSearch(FlowRunner(trace, world.session)).cases.of({NAME})) == cases


@pytest.mark.parametrize(("address", "cases"), [("198.41.0.4", 1), (HELPER, 0)])
async def test_answer_from_the_helpers_closed_port_is_not_searched(world: World, address: str, cases: int) -> None:
    """Search no path to the helper, because its address is in no record."""
    trace = Trace()
    async with trace.transaction(answered_query(address, NAME)):
        pass
    assert len(HopSearch(FlowRunner(trace, world.session)).cases.of({NAME})) == cases


@pytest.mark.parametrize(("transport", "cases"), [("udp", 1), ("tcp", 0)])
async def test_doubtful_answers_of_sip_are_searched_over_udp(world: World, transport: str, cases: int) -> None:
    trace, endpoint = Trace(), parse_endpoint(f"sip://{NAME}:5060;transport={transport}")
    where = HopSearch(FlowRunner(trace, world.session))
    async with trace.transaction(TransactionFacts("first", endpoint=endpoint.url, address=IP, port=5060)) as tx:
        pass
    where.cases.note(tx.record, tx.record, endpoint)
    assert [case.kind for case in where.cases.of({NAME})] == ["sip"] * cases
