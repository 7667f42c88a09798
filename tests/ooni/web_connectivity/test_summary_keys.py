"""Test OONI's keys from our helper's answer, in measurements on loopback and with other programs' answers."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.formats.entries import DNSAnswer, DNSQuery, DNSResponse
from probe.formats.exchanges.near_reactions import NearPacket, NearReaction
from probe.ooni.web_connectivity.ooni_control import helper_answer
from probe.ooni.web_connectivity.page_attempts import SYSTEM, WebView, web_view
from probe.ooni.web_connectivity.summary_keys import compared
from probe.run.measure import measure
from probe.run.measurement_keys import Measured
from probe.session.pacing import Pace
from probe.session.session import Session
from probe.session.trace import Trace
from probe.targets.url_lists import web_target
from tests.support.world import Box, World

NAME, HERE, THERE = "site.example", "127.0.1.1", "127.0.1.2"
BODY = b"<title>Morning Gazette</title>" + b"x" * 100
PAGE = b"HTTP/1.1 200 OK\r\nX-Rare: 1\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
# The keys of version 0.5 (ooni/probe-cli 7cb22410).
KEYS = """agent client_resolver retries socksproxy network_events tls_handshakes queries dns_experiment_failure
dns_consistency control_failure control tcp_connect requests http_experiment_failure body_length_match body_proportion
status_code_match headers_match title_match accessible blocking x_dns_whoami x_doh x_do53 x_dns_duplicate_responses
x_control_request x_conn_priority_log x_dns_flags x_blocking_flags x_null_null_flags""".split()  # noqa: SIM905


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    made.install(monkeypatch)
    monkeypatch.setattr("probe.ooni.web_connectivity.name_lookups.is_bogon", lambda address: False)
    monkeypatch.setattr("probe.ooni.web_connectivity.name_lookups._only_loopback", lambda addresses: False)
    return made


def resolves(world: World, *ips: str) -> None:
    assert world.encrypted is not None
    world.system[NAME] = world.encrypted[NAME] = list(ips)


async def measured(world: World, box: Box, *, control: dict[str, Any] | None = None) -> Measured:
    async def ask(*_: Any) -> dict[str, Any]:
        assert control is not None
        return control

    target = web_target(f"https://{NAME}:{box.port}/")
    asking = ask if control is not None else None
    return await asyncio.wait_for(measure(target, world.session, ask_control=asking, roots=world.roots), 60)


async def seen_by_helper(world: World, box: Box, *addresses: str) -> dict[str, Any]:
    """Return our x_control: the same nettest, run as in a helper that gets addresses."""
    here = world.session
    session = Session("helper", here.settings, Pace(), here.neutral, here.resolvers, as_control=True)
    target = web_target(f"https://{NAME}:{box.port}/")
    found = await measure(target, session, addresses={NAME: list(addresses)}, roots=world.roots)
    return {"failure": None, "preflight": {"ipv4": True, "ipv6": False}, "test_keys": found.test_keys}


async def test_own_control_has_form_of_ooni_control(world: World) -> None:
    async with world.box(HERE, [NAME], reply=PAGE) as box:
        resolves(world, HERE)
        control = await seen_by_helper(world, box, HERE)
    answer = helper_answer(control, f"https://{NAME}:{box.port}/", NAME)
    place = f"{HERE}:{box.port}"
    assert answer == {
        "tcp_connect": {place: {"status": True, "failure": None}},
        "tls_handshake": {place: {"server_name": NAME, "status": True, "failure": None}},
        "quic_handshake": {},
        "http_request": {
            "body_length": len(BODY),
            "discovered_h3_endpoint": "",
            "failure": None,
            "title": "Morning Gazette",
            "headers": {"content-length": str(len(BODY)), "x-rare": ""},
            "status_code": 200,
        },
        "http3_request": None,
        "dns": {"failure": None, "addrs": [HERE]},
        "ip_info": {HERE: {"asn": 0, "flags": 1 | 2 | 8}},
    }


async def test_failures_of_own_helper_have_old_names_of_ooni(world: World) -> None:
    async with world.box(HERE, [NAME], names={NAME: "reset"}) as box:
        resolves(world, HERE)
        control = await seen_by_helper(world, box)
    answer = helper_answer(control, f"https://{NAME}:{box.port}/", NAME)
    assert answer is not None
    assert list(answer["tls_handshake"].values()) == [
        {"server_name": NAME, "status": False, "failure": "connection_reset"}
    ]
    assert (answer["http_request"]["failure"], answer["http_request"]["status_code"]) == ("unknown_error", -1)


async def test_name_unresolved_by_helper_has_dns_failure(world: World) -> None:
    world.system[NAME] = "dns_nxdomain_error"
    control = await seen_by_helper(world, Box(HERE, 443))
    answer = helper_answer(control, f"https://{NAME}:443/", NAME)
    assert answer is not None
    assert answer["dns"] == {"failure": "dns_name_error", "addrs": []}
    assert (answer["http_request"]["failure"], answer["tcp_connect"]) == ("dns_lookup_error", {})


async def test_same_page_is_accessible(world: World) -> None:
    async with world.box(HERE, [NAME], reply=PAGE) as box:
        resolves(world, HERE)
        control = await seen_by_helper(world, box)
        keys = (await measured(world, box, control=control)).test_keys
    assert not set(KEYS) - keys.keys()
    assert (keys["accessible"], keys["blocking"], keys["dns_consistency"]) == (True, False, "consistent")
    matches = ("body_length_match", "status_code_match", "headers_match", "title_match")
    assert [keys[key] for key in matches] == [True] * 4 and keys["body_proportion"] == 1.0
    assert (keys["x_dns_flags"], keys["x_blocking_flags"], keys["x_null_null_flags"]) == (0, 32, 0)
    assert (keys["control_failure"], keys["http_experiment_failure"]) == (None, None)
    assert keys["x_control_request"]["http_request"] == f"https://{NAME}:{box.port}/"
    assert keys["x_control_request"]["tcp_connect"] == [f"{HERE}:{box.port}"]


async def test_name_reset_only_here_is_http_failure(world: World) -> None:
    async with world.box(HERE, [NAME], reply=PAGE) as box:
        resolves(world, HERE)
        control = await seen_by_helper(world, box)
        box.names[NAME] = "reset"
        keys = (await measured(world, box, control=control)).test_keys
    assert (keys["accessible"], keys["blocking"]) == (False, "http-failure")
    assert (keys["http_experiment_failure"], keys["x_blocking_flags"]) == ("connection_reset", 4)
    assert keys["requests"] == [] and len(keys["tls_handshakes"]) == 1


async def test_false_dns_answer_is_inconsistent(world: World) -> None:
    async with world.box(HERE, [NAME], reply=PAGE) as box, world.box(THERE, port=box.port):
        resolves(world, HERE)
        control = await seen_by_helper(world, box)
        world.system[NAME] = [THERE]
        keys = (await measured(world, box, control=control)).test_keys
    assert (keys["accessible"], keys["blocking"], keys["dns_consistency"]) == (False, "dns", "inconsistent")
    assert [entry["ip"] for entry in keys["tcp_connect"]] == [THERE]  # the true address came from a follow-up


async def test_cause_on_the_users_own_side_is_not_called_blocking(world: World) -> None:
    """Compare the keys of a false answer with those of the same answer, if it stands in the hosts file."""
    async with world.box(HERE, [NAME], reply=PAGE) as box, world.box(THERE, port=box.port):
        resolves(world, HERE)
        control = await seen_by_helper(world, box)
        world.system[NAME] = [THERE]
        target, traces = web_target(f"https://{NAME}:{box.port}/"), list[Trace]()
        await measure(target, world.session, tracing=traces.append, roots=world.roots)
    (trace,) = traces
    answer = helper_answer(control, f"https://{NAME}:{box.port}/", NAME)
    keys = compared(web_view(trace, target, None), answer, None)
    assert (keys["accessible"], keys["blocking"]) == (False, "dns")
    system = [entry for entry in trace.entries if isinstance(entry, DNSQuery) and entry.engine in SYSTEM]
    for entry in system:
        entry.x_in_hosts_file = True
    keys = compared(web_view(trace, target, None), answer, None)
    assert (keys["accessible"], keys["blocking"], keys["dns_consistency"]) == (None, None, "inconsistent")


@pytest.mark.parametrize(
    ("own", "neutral", "expected"),
    [
        (NearPacket(to="target", outcome="unreachable", sender="own"), "expired", True),
        (NearPacket(to="target", outcome="not_sent", failure="permission_denied"), "expired", True),
        (NearPacket(to="target", outcome="expired", sender="router"), "expired", False),
        (NearPacket(to="target", outcome="not_sent", failure="permission_denied"), "not_sent", False),
    ],
)
def test_packets_that_this_computer_stops_are_filtered_near(own: NearPacket, neutral: str, expected: bool) -> None:
    beside = NearPacket.model_validate({"to": "neutral", "outcome": neutral, "sender": "router", "seconds": 0.004})
    trace, target = Trace(), web_target(f"https://{NAME}:443/")
    trace.entries.append(
        NearReaction(address="192.0.2.1:443", transport="tcp", packets=[beside, own, beside, own, beside])
    )
    assert web_view(trace, target, None).filtered_near is expected


async def test_missing_control_equals_unanswered_control(world: World) -> None:
    async with world.box(HERE, [NAME], reply=PAGE) as box:
        resolves(world, HERE)
        alone = (await measured(world, box)).test_keys
        vague = {"failure": "unknown_failure: helper: status 500"}
        unheard = (await measured(world, box, control=vague)).test_keys
    assert (alone["control"], alone["control_failure"], alone["x_control_request"]) == (None, "interrupted", None)
    assert (alone["accessible"], alone["blocking"], alone["x_null_null_flags"]) == (True, False, 8)  # proven by TLS
    assert unheard["control_failure"] == "http_request_failed"  # not `unknown_failure`


async def test_both_addresses_are_tried_and_one_page_is_requested(world: World) -> None:
    async with world.box(HERE, [NAME], reply=PAGE) as box, world.box(THERE, [NAME], port=box.port, reply=PAGE):
        resolves(world, HERE, THERE)
        keys = (await measured(world, box)).test_keys
    assert len(keys["tcp_connect"]) == len(keys["tls_handshakes"]) == 2 and len(keys["requests"]) == 1
    others = [
        entry for entry in keys["x_endpoints"]["requests"] if entry["request"]["headers"]["Host"].startswith(NAME)
    ]
    assert len(others) == 1
    granted = sorted(entry["msg"].split(": ")[-1] for entry in keys["x_conn_priority_log"])
    assert granted == ["false", "true"]
    everywhere = [*keys["requests"], *keys["x_endpoints"]["requests"]]
    numbers = [entry["transaction_id"] for entry in everywhere]
    assert len(set(numbers)) == len(numbers)


async def test_second_dns_answer_is_recorded(world: World) -> None:
    forged = DNSAnswer(answer_type="A", ipv4="10.10.34.36")
    world.responses = [DNSResponse(t=1.0, answers=[]), DNSResponse(t=1.5, answers=[forged], rcode=0)]
    async with world.box(HERE, [NAME], reply=PAGE) as box:
        resolves(world, HERE)
        keys = (await measured(world, box)).test_keys
    doubled = keys["x_dns_duplicate_responses"]
    assert doubled and {entry["t"] for entry in doubled} == {1.5}
    assert doubled[0]["answers"][0]["ipv4"] == "10.10.34.36" and "x_responses" not in doubled[0]


# -- answers of other programs ---------------------------------------------------------------------------------------

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["test_keys", "failure", "x_transactions", "queries", "requests", "response", "answers", "endpoint",
             "transaction_id", "tcp_connect", "tls_handshakes", "status", "address", "headers", "ipv4", "asn"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["test_keys", "failure"]), JUNK))
def test_any_control_is_read_without_error(control: dict[str, Any]) -> None:
    helper_answer(control, "https://a.example:443/", "a.example")


def test_answer_of_ooni_helper_fills_keys() -> None:
    """Fill the keys from an answer of OONI's own helper if nothing was tried here."""
    view: WebView = web_view(Trace(), web_target("https://a.example/"), None)
    page = {"body_length": 10, "failure": None, "title": "x", "headers": {"a": "b"}, "status_code": 200}
    dns = {"failure": None, "addrs": ["151.101.1.1"]}
    keys = compared(view, {"http_request": page, "dns": dns, "tcp_connect": {}, "ip_info": {}}, None)
    assert (keys["accessible"], keys["blocking"], keys["dns_consistency"]) == (None, None, None)
    assert keys["control"]["http_request"] == page


def test_control_up_to_tls_has_no_page() -> None:
    """Check a helper with OONI's protocol that was not asked for a page, so that no page has failed."""
    url = "https://a.example:443/"
    record = {"transaction_id": 1, "endpoint": url, "kind": "first", "address": "151.101.1.1", "failure": None}
    query = {"hostname": "a.example", "answers": [{"ipv4": "151.101.1.1"}], "failure": None}
    keys = {"x_transactions": [record], "queries": [query]}
    answer = helper_answer({"failure": None, "test_keys": keys}, url, "a.example")
    assert answer is not None and answer["http_request"] is None
    record["failure"] = "connection_reset"
    answer = helper_answer({"failure": None, "test_keys": keys}, url, "a.example")
    assert answer is not None and answer["http_request"]["failure"] == "unknown_error"
