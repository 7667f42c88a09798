"""Test the hop of a verdict, and that it is missing without its evidence."""

import copy
from typing import Any

import pytest

from probe.analysis.verdicts.hop_searches import hop_of
from probe.analysis.verdicts.located_hops import search_results

Seen = dict[int, str]
ROUTERS = {1: None, 2: None, 3: "198.51.45.1", 4: "198.51.46.1", 5: "198.51.47.1", 6: "198.51.48.1"}


def line(
    *flows: Seen,
    payload: str = "tls",
    cause: str = "connection_reset",
    service: str = "web",
    depth: str = "standard",
    late: tuple[int, ...] = (),
    end: int | None = 7,
) -> dict[str, Any]:
    """Return a measurement with a hop search after the failure `cause`, with these outcomes."""
    first = {"transaction_id": 1, "kind": "first", "service": "web", "failure": cause or None}
    sweep = {"transaction_id": 2, "kind": "followup", "followup": "path_sweep", "service": service, "cause": 1}
    limited = [sweep | {"transaction_id": 3 + n, "followup": "limited_payload"} for n in range(len(flows))]
    hops = [
        {"ttl": ttl, "answered": True, "late": ttl in late, "address": ip, "asn": 64511 if ip else None}
        for ttl, ip in ROUTERS.items()
    ]
    payloads = [
        {
            "transaction_id": 3 + n,
            "address": "149.154.167.99:443",
            "payload": payload,
            "distances": [{"ttl": ttl, "sent": 1, "outcome": outcome} for ttl, outcome in flow.items()],
        }
        for n, flow in enumerate(flows)
    ]
    path = {"transaction_id": 2, "address": "149.154.167.99:443", "hops": hops, "end_ttl": end}
    followups = {"path_sweeps": [path], "limited_payloads": payloads}
    return {
        "test_keys": {
            "x_transactions": [first, sweep, *limited],
            "x_followups": followups,
            "x_run": {"depth": depth},
        }
    }


def hop(measured: dict[str, Any], service: str = "web", mechanisms: tuple[str, ...] = ("tls.reset.sni",)) -> Any:
    return hop_of(service, list(mechanisms), search_results(measured))


EXACT = ({2: "expired", 5: "reset"}, {3: "expired", 4: "reset"})


def test_exact_hop_has_router() -> None:
    assert hop(line(*EXACT)) == {"ttl": 4, "address": "198.51.46.1", "asn": 64511}


def reasons(measured: dict[str, Any]) -> list[str]:
    return [result.reason for result in search_results(measured)]


def test_search_that_ended_early_gives_no_hop() -> None:
    """Test that of several possible TTLs none is named, since a nearer one may be right."""
    early = line({2: "expired", 5: "reset"})
    assert hop(early) is None and reasons(early) == ["not_searched"]
    dropped = line({2: "expired", 5: "silent"}, cause="generic_timeout_error")
    assert hop(dropped, mechanisms=("tls.timeout.sni",)) is None and reasons(dropped) == ["not_searched"]


STOPPED = ({2: "expired", 5: "silent"}, {3: "expired", 4: "silent"})


def freeze(*flows: Seen, compared: tuple[int, ...] = (2, 3, 4, 5, 6)) -> Any:
    """Return the hop of a freeze whose first attempt had a status line, so that it has no failure."""
    return hop(stopped(*flows, compared=compared), mechanisms=("flow.freeze.packets",))


def stopped(*flows: Seen, compared: tuple[int, ...] = (2, 3, 4, 5, 6)) -> dict[str, Any]:
    """Return a measurement with searches on connections that stopped, with routers that answered other packets."""
    measured = line(*flows, payload="frozen", cause="")
    for entry in measured["test_keys"]["x_followups"]["limited_payloads"]:
        entry["compared"] = list(compared)
    return measured


def test_silence_on_connections_that_stopped_has_a_hop() -> None:
    assert freeze(*STOPPED) == {"ttl": 4, "address": "198.51.46.1", "asn": 64511}
    assert hop(stopped(*STOPPED)) is None


@pytest.mark.parametrize("compared", [(), (2, 3, 5), (2, 3, 6)])
def test_silence_of_routers_without_another_answer_gives_no_hop(compared: tuple[int, ...]) -> None:
    """Test also several possible hops, as the path sweep alone does not show which routers answer."""
    assert freeze(*STOPPED, compared=compared) is None


def test_connections_to_two_addresses_of_a_service_repeat_each_other() -> None:
    measured = stopped({2: "expired", 5: "silent"}, {3: "expired", 4: "silent"})
    first, _ = measured["test_keys"]["x_followups"]["limited_payloads"]
    first["address"] = "192.0.2.1:443"
    found = hop(measured, mechanisms=("flow.freeze.packets",))
    assert found is not None and found["ttl"] == 4
    first["distances"] = [{"ttl": 5, "sent": 1, "outcome": "expired"}]
    assert hop(measured, mechanisms=("flow.freeze.packets",)) is None


@pytest.mark.parametrize(
    "flows",
    [
        ({3: "expired", 4: "silent"},),
        ({3: "expired", 4: "silent"}, {}),
        ({2: "expired", 5: "expired"}, {3: "expired", 4: "silent"}),
        ({2: "expired", 3: "silent"}, {3: "expired", 4: "silent"}),
        ({2: "expired", 5: "silent"}, {2: "expired", 5: "silent"}),
        ({2: "expired", 6: "expired"}, {3: "expired", 5: "expired"}),
    ],
)
def test_single_connections_and_routers_that_answer_behind_give_no_hop(flows: tuple[Seen, ...]) -> None:
    assert freeze(*flows) is None


def test_redacted_router_has_no_address_in_record() -> None:
    assert hop(line({1: "expired", 2: "reset"})) == {"ttl": 2, "address": None, "asn": None}


@pytest.mark.parametrize("kind", ["limited_payload", "path_sweep"])
def test_search_without_transactions_gives_no_hop(kind: str) -> None:
    """Remove the path, which a timeout needs for a hop, and the limited payloads, which are the search."""
    dropped = line({2: "expired", 5: "silent"}, {3: "expired", 4: "silent"}, cause="generic_timeout_error")
    assert hop(dropped, mechanisms=("tls.timeout.sni",)) == {"ttl": 4, "address": "198.51.46.1", "asn": 64511}
    keys = dropped["test_keys"]
    keys["x_transactions"] = [record for record in keys["x_transactions"] if record.get("followup") != kind]
    assert hop(dropped, mechanisms=("tls.timeout.sni",)) is None


def test_timeout_with_late_router_answer_gives_no_hop() -> None:
    seen = ({3: "expired", 4: "silent"}, {5: "silent"})
    dropped = line(*seen, cause="generic_timeout_error", late=(4,))
    assert hop(dropped, mechanisms=("tls.timeout.sni",)) is None and reasons(dropped) == ["not_found"]


def test_packet_that_reaches_server_gives_no_hop() -> None:
    assert hop(line({6: "expired", 7: "reset"})) is None
    assert hop(line({3: "expired", 4: "reset"}, end=4)) is None


@pytest.mark.parametrize(
    ("flow", "cause", "reason"),
    [
        ({5: "expired", 6: "expired"}, "generic_timeout_error", "at_server"),  # the server's packets are dropped
        ({5: "silent", 6: "silent"}, "connection_reset", "at_server"),
        ({6: "expired", 7: "reset"}, "connection_reset", "at_server"),
        ({4: "expired", 5: "expired"}, "generic_timeout_error", "not_found"),  # the last router was not tried
        ({5: "expired", 6: "silent"}, "generic_timeout_error", ""),
    ],
)
def test_payload_that_passes_all_routers_is_acted_on_at_the_server(flow: Seen, cause: str, reason: str) -> None:
    assert reasons(line(flow, cause=cause)) == [reason]
    assert reasons(line(flow, cause=cause, end=None))[0] != "at_server"


def test_random_bytes_that_pass_all_routers_show_nothing_about_a_protocol() -> None:
    """Test a device that knows the protocol of the service. It lets random bytes pass, so it may be anywhere."""
    flow = {5: "expired", 6: "expired"}
    random_bytes = line(flow, cause="generic_timeout_error", payload="random")
    assert reasons(random_bytes) == ["not_found"]


def test_answer_behind_the_last_router_gives_no_hop() -> None:
    """Test a path whose end is unknown: the server itself may answer there."""
    far = line({4: "expired"}, {6: "expired", 7: "answered"}, payload="dns", service="", end=None)
    assert hop(far, mechanisms=("dns.injection.other",)) is None
    near = line({4: "expired"}, {5: "expired", 6: "answered"}, payload="dns", service="", end=None)
    assert hop(near, mechanisms=("dns.injection.other",))["ttl"] == 6


def proxied(*flows: Seen, beyond: int, **how: Any) -> dict[str, Any]:
    """Return a measurement whose SYNs were accepted at TTL 4, and datagrams answered by routers up to `beyond`."""
    measured = connects(*flows, beyond=beyond, **how)
    followups = measured["test_keys"]["x_followups"]
    followups["path_sweeps"][0]["end_ttl"] = 4
    for entry in followups["limited_payloads"]:
        entry["payload"] = "tls"
    return measured


@pytest.mark.parametrize(("beyond", "ttl"), [(6, 4), (3, None)])
def test_middlebox_that_accepts_connects_has_hop_if_the_path_goes_on(beyond: int, ttl: int | None) -> None:
    by_reset = proxied({2: "expired", 4: "reset"}, {3: "expired"}, beyond=beyond, cause="connection_reset")
    found = hop(by_reset, mechanisms=("tls.reset.other",))
    assert (found and found["ttl"]) == ttl
    by_silence = proxied({2: "expired", 4: "silent"}, {3: "expired"}, beyond=beyond)
    found = hop(by_silence, mechanisms=("tls.timeout.other",))
    assert (found and found["ttl"]) == ttl
    far = proxied({5: "expired", 7: "reset"}, {6: "expired"}, beyond=beyond, cause="connection_reset")
    assert hop(far, mechanisms=("tls.reset.other",)) is None


def test_payload_over_tcp_locates_its_own_service_only() -> None:
    measured = line({3: "expired", 4: "reset"}, payload="sip")
    (entry,) = measured["test_keys"]["x_followups"]["limited_payloads"]
    (path,) = measured["test_keys"]["x_followups"]["path_sweeps"]
    assert hop(measured, service="other", mechanisms=("sip.timeout.payload",))["ttl"] == 4
    entry["transport"] = path["transport"] = "tcp"
    assert hop(measured, service="other", mechanisms=("sip.reset.payload",)) is None
    assert hop(measured, mechanisms=("sip.reset.payload",))["ttl"] == 4


def test_injected_sip_answer_has_hop() -> None:
    measured = line({3: "expired", 4: "answered"}, payload="sip", end=None, cause="")
    measured["test_keys"]["x_transactions"][0]["failure"] = None
    assert hop(measured, mechanisms=("sip.injection.480",))["ttl"] == 4


def test_command_of_mail_has_hop_for_its_service_only() -> None:
    measured = line({3: "silent", 4: "answered"}, payload="smtp", cause="unknown_failure: smtp: ehlo refused 550")
    assert hop(measured, mechanisms=("smtp.injection",))["ttl"] == 4
    assert hop(measured, service="other", mechanisms=("smtp.injection",)) is None
    assert hop(measured, mechanisms=("imap",)) is None
    at_server = line({6: "silent", 7: "answered"}, payload="smtp", cause="unknown_failure: smtp: ehlo refused 550")
    assert hop(at_server, mechanisms=("smtp.injection",)) is None


def test_answer_inside_tls_is_no_evidence() -> None:
    """Test data of a server that does not wait for the end of the handshake."""
    cut = line({3: "expired", 4: "reset"}, payload="inside_tls")
    assert hop(cut, mechanisms=("imap",))["ttl"] == hop(cut, mechanisms=("sip.timeout.other",))["ttl"] == 4
    assert hop(cut, mechanisms=("tls.reset.sni",)) is None
    assert hop(line({3: "expired", 4: "answered"}, payload="inside_tls"), mechanisms=("imap",)) is None


def test_contradicting_outcomes_give_no_hop() -> None:
    assert hop(line({3: "reset"}, {5: "expired"})) is None
    assert hop(line({4: "reset"}, {4: "expired"})) is None


def test_deep_search_names_router_after_five_equal_runs() -> None:
    runs = [{3: "expired"}, {4: "reset"}]
    assert hop(line(*runs * 4, depth="deep")) == {"ttl": 4, "address": None, "asn": None}
    assert hop(line(*runs * 5, depth="deep")) == {"ttl": 4, "address": "198.51.46.1", "asn": 64511}


def test_hop_is_used_for_its_service_and_layer_only() -> None:
    measured = line(*EXACT)
    assert hop(measured, service="chat") is None
    assert hop(measured, mechanisms=("dns.injection.bogon",)) is None
    assert hop(measured, mechanisms=()) is None
    assert hop(line({3: "expired", 4: "answered"}, payload="dns", service=""), mechanisms=("dns.injection.other",)) == {
        "ttl": 4,
        "address": "198.51.46.1",
        "asn": 64511,
    }
    assert hop(line({3: "expired", 4: "answered"}, payload="dns", service=""), mechanisms=("dns.nxdomain",)) is None


@pytest.mark.parametrize(("payload", "mechanism"), [("http", "http"), ("tls", "tls"), ("quic", "quic")])
def test_inner_mechanism_has_hop(payload: str, mechanism: str) -> None:
    """Use the mechanism of a closed connection, which is only its layer."""
    closed = line({2: "expired", 5: "closed"}, {3: "expired", 4: "closed"}, payload=payload, cause="eof_error")
    assert hop(closed, mechanisms=(mechanism,))["ttl"] == 4
    assert hop(closed, mechanisms=("smtp.starttls_stripped",)) is None


@pytest.mark.parametrize(("cause", "found"), [("dns_nxdomain_error", True), ("dns_no_answer", False)])
def test_dns_referral_gives_no_hop(cause: str, found: bool) -> None:
    measured = line({3: "expired", 4: "answered"}, payload="dns", service="", cause=cause)
    assert (hop(measured, mechanisms=("dns.injection.bogon",)) is not None) == found


def test_invalid_search_gives_no_hop() -> None:
    measured = line(*EXACT)
    followups = measured["test_keys"]["x_followups"]
    for spoiled in (
        [None],
        [{"transaction_id": "3"}],
        {"a": 1},
        "x",
        [{"transaction_id": 3, "distances": [{"ttl": []}]}],
    ):
        for key in ("limited_payloads", "path_sweeps"):
            followups_spoiled = copy.deepcopy(followups) | {key: spoiled}
            broken = copy.deepcopy(measured)
            broken["test_keys"]["x_followups"] = followups_spoiled
            assert all(one.search.payload == "tls" for one in search_results(broken))
    assert search_results({}) == [] and search_results({"test_keys": {"x_followups": 3}}) == []


def connects(
    *flows: Seen, cause: str = "generic_timeout_error", compared: list[int] | None = None, beyond: int = 0
) -> dict[str, Any]:
    """Return a measurement with SYNs. A datagram to the same address was answered by routers up to `beyond`."""
    measured = line(*flows, payload="syn", cause=cause, end=None)
    keys = measured["test_keys"]
    followups = keys["x_followups"]
    (path,) = followups["path_sweeps"]
    path["transport"], hops = "tcp", path["hops"]
    path["hops"] = hops[:3]
    for entry in followups["limited_payloads"]:
        entry["transport"] = "tcp"
        if compared is not None:
            entry["compared"] = compared
    datagrams = path | {"transport": "udp", "transaction_id": 90, "hops": hops[:beyond]}
    followups["path_sweeps"].append(datagrams)
    keys["x_transactions"].append(keys["x_transactions"][1] | {"transaction_id": 90})
    return measured


SILENT = {3: "expired", 4: "silent"}


def test_silence_beside_answered_packets_to_neutral_hosts_has_hop() -> None:
    assert hop(connects(*[SILENT] * 5, compared=[4]), mechanisms=("tcp.timeout",)) == {
        "ttl": 4,
        "address": None,
        "asn": None,
    }


@pytest.mark.parametrize(
    ("flows", "compared"),
    [
        ([SILENT] * 5, None),  # nothing was compared
        ([SILENT] * 5, []),  # other routers answered packets to the neutral hosts
        ([SILENT] * 3, [4]),  # too few comparisons
        ([SILENT] * 4 + [{3: "expired", 4: "expired"}], [4]),  # a router answers at times
        ([{4: "silent"}] * 3 + [{3: "silent", 4: "silent"}] * 2, [4]),  # the router before is silent too
    ],
)
def test_silence_without_equal_comparisons_has_no_hop(flows: list[Seen], compared: list[int] | None) -> None:
    measured = connects(*flows, compared=compared)
    assert hop(measured, mechanisms=("tcp.timeout",)) is None
    assert [result.reason for result in search_results(measured)] == ["not_found"]


def test_refused_connect_has_hop_if_the_path_goes_on() -> None:
    flow = {3: "silent", 4: "reset"}
    refused = ("tcp.refused",)
    assert hop(connects(flow, flow, cause="connection_refused", beyond=6), mechanisms=refused)["ttl"] == 4
    assert hop(connects(flow, flow, cause="connection_refused", beyond=3), mechanisms=refused) is None
    (result,) = search_results(connects(flow, flow, cause="connection_refused", beyond=3))
    assert result.reason == "at_server"


def test_refused_and_accepted_connect_has_no_hop() -> None:
    flows = {3: "answered", 4: "reset"}, {3: "silent", 4: "reset"}
    assert hop(connects(*flows, cause="connection_refused", beyond=6), mechanisms=("tcp.refused",)) is None


@pytest.mark.parametrize(
    ("flow", "ttl"),
    [
        ({3: "expired", 4: "unreachable"}, 4),
        ({1: "unreachable"}, 1),
        ({3: "silent", 4: "unreachable"}, None),  # the error may have been left out at 3
        ({3: "expired", 4: "server_error"}, None),
    ],
)
def test_icmp_error_of_a_router_shows_its_distance(flow: Seen, ttl: int | None) -> None:
    found = hop(connects(flow, flow, cause="host_unreachable"), mechanisms=("ip.unreachable",))
    assert (found and found["ttl"]) == ttl


def quoted(*flows: Seen, payload: str = "stun", answered: int = 0) -> dict[str, Any]:
    """Return a measurement whose flows compared quotes. `answered`: the TTL at which the server answered each flow."""
    measured = line(*flows, payload=payload, cause="generic_timeout_error", end=None)
    for entry in measured["test_keys"]["x_followups"]["limited_payloads"]:
        for distance in entry["distances"]:
            distance["quote"], distance["outcome"] = distance["outcome"], "expired"
        if answered:
            entry["distances"].append({"ttl": answered, "sent": 1, "outcome": "answered", "quote": "none"})
    return measured


ADJACENT: Seen = {3: "same", 4: "swapped"}


@pytest.mark.parametrize(
    ("payload", "mechanism"),
    [
        *[("stun", "stun.tampering"), ("stun", "turn.tampering"), ("sip", "sip.tampering")],
        *[("dtls", "dtls.tampering"), ("reflector", "reflector.tampering")],
    ],
)
def test_changed_datagram_has_hop_for_every_service(payload: str, mechanism: str) -> None:
    measured = quoted({2: "same", **ADJACENT}, ADJACENT, payload=payload)
    found = hop(measured, service="other", mechanisms=(mechanism,))
    assert found == {"ttl": 4, "address": "198.51.46.1", "asn": 64511}
    assert hop(measured, mechanisms=(mechanism.replace("tampering", "timeout.payload"),)) is None


@pytest.mark.parametrize(
    "flows",
    [
        (ADJACENT,),
        (ADJACENT, {4: "swapped"}),
        ({2: "same", 4: "swapped"},) * 2,
        ({3: "short", 4: "swapped"},) * 2,
        ({3: "changed", 4: "swapped"},) * 2,
        ({3: "same", 4: "changed"},) * 2,
        ({1: "swapped"},) * 2,
        (ADJACENT, ADJACENT, {5: "same"}),
        (ADJACENT, {3: "swapped", 4: "swapped"}),
        ({},) * 2,
    ],
)
def test_quotes_without_two_equal_flows_give_no_hop(flows: tuple[Seen, ...]) -> None:
    measured = quoted(*flows)
    assert hop(measured, mechanisms=("stun.tampering",)) is None
    assert [result.reason for result in search_results(measured)] == ["not_found"]


@pytest.mark.parametrize(
    ("flows", "answered", "reason"),
    [
        (({4: "same", 6: "same"}, {6: "same"}), 7, "answers_changed"),
        (({6: "same"},), 7, "not_found"),
        (({6: "same"}, {6: "same"}), 0, "not_found"),
        (({6: "swapped"}, {6: "same"}), 7, "not_found"),
    ],
)
def test_datagram_that_arrives_as_sent_is_changed_on_the_way_back(
    flows: tuple[Seen, ...], answered: int, reason: str
) -> None:
    (result,) = search_results(quoted(*flows, answered=answered))
    assert (result.ttl, result.reason) == (0, reason)


def test_silent_datagram_of_a_comparison_is_no_drop() -> None:
    measured = quoted({3: "same"}, {4: "none"})
    measured["test_keys"]["x_followups"]["limited_payloads"][1]["distances"][0]["outcome"] = "silent"
    assert hop(measured, mechanisms=("stun.timeout.payload",)) is None


FORGED = "ssl_unknown_authority"


@pytest.mark.parametrize(("beyond", "ttl"), [(6, 4), (3, None)])
def test_redirected_syns_have_hop_if_the_silent_router_answers_datagrams(beyond: int, ttl: int | None) -> None:
    measured = connects(*[SILENT] * 5, cause=FORGED, compared=[4], beyond=beyond)
    found = hop(measured, mechanisms=("tls.mitm.ca_signed",))
    assert (found and found["ttl"]) == ttl
    assert hop(measured, mechanisms=("tcp.timeout",)) is None and hop(measured, service="chat") is None


@pytest.mark.parametrize(("flows", "compared"), [([SILENT] * 3, [4]), ([SILENT] * 5, None)])
def test_redirected_syns_without_equal_comparisons_have_no_hop(flows: list[Seen], compared: list[int] | None) -> None:
    measured = connects(*flows, cause=FORGED, compared=compared, beyond=6)
    assert hop(measured, mechanisms=("tls.mitm.ca_signed",)) is None


def test_redirected_datagrams_have_hop_of_their_own_service() -> None:
    measured = connects(*[SILENT] * 5, cause=FORGED, compared=[4])
    for entry in measured["test_keys"]["x_followups"]["limited_payloads"]:
        entry["payload"], entry["transport"] = "datagram", "udp"
    assert hop(measured, mechanisms=("tls.mitm.self_signed",))["ttl"] == 4
    assert hop(measured, mechanisms=("udp.timeout",)) is None


def test_icmp_error_before_silence_needs_as_many_comparisons() -> None:
    for flows, ttl in (([SILENT] * 5, 4), ([SILENT] * 3, None)):
        found = hop(connects(*flows, cause="host_unreachable", compared=[4]), mechanisms=("tcp",))
        assert (found and found["ttl"]) == ttl


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_quic_closed_by_a_router_has_hop_on_either_path(transport: str) -> None:
    measured = line({2: "expired", 5: "unreachable"}, {3: "expired", 4: "unreachable"}, payload="quic", end=None)
    followups = measured["test_keys"]["x_followups"]
    for entry in followups["limited_payloads"]:
        entry["transport"] = "udp"
    followups["path_sweeps"][0]["transport"] = transport
    measured["test_keys"]["x_transactions"][0]["failure"] = "connection_refused"
    assert hop(measured, mechanisms=("quic",)) == {"ttl": 4, "address": "198.51.46.1", "asn": 64511}


DENIED, NO_ANSWER = "dns_nxdomain_error", "dns_no_answer"


@pytest.mark.parametrize(
    ("service", "cause", "mechanism", "found"),
    [
        ("", "generic_timeout_error", "dns.timeout", True),
        ("", "generic_timeout_error", "dns.injection.bogon", False),
        ("", DENIED, "dns.nxdomain", True),
        ("", DENIED, "dns.injection.other", True),
        ("", NO_ANSWER, "dns.nxdomain", False),
        ("web", "generic_timeout_error", "dns.timeout", True),
        ("web", DENIED, "dns.nxdomain", True),
        ("web", NO_ANSWER, "dns", True),
        ("other", DENIED, "dns.nxdomain", False),
    ],
)
def test_dns_search_locates_what_caused_it(service: str, cause: str, mechanism: str, found: bool) -> None:
    outcome = "silent" if "timeout" in cause else "answered"
    measured = line({3: "expired"}, {4: outcome}, payload="dns", service=service, cause=cause, end=None)
    assert (hop(measured, mechanisms=(mechanism,)) is not None) == found


def test_dropped_query_needs_the_router_that_answers_other_datagrams() -> None:
    measured = line({3: "expired"}, {4: "silent"}, payload="dns", cause="generic_timeout_error", late=(4,), end=None)
    assert hop(measured, mechanisms=("dns.timeout",)) is None


def confirming(*flows: Seen, compared: tuple[tuple[int, ...], ...]) -> dict[str, Any]:
    """Return a measurement of a drop whose flows have these TTLs at which routers answered other packets."""
    measured = line(*flows, cause="generic_timeout_error")
    for entry, ttls in zip(measured["test_keys"]["x_followups"]["limited_payloads"], compared, strict=True):
        entry["compared"] = list(ttls)
    return measured


AGAIN = {4: "silent"}


def test_silence_that_came_again_beside_answers_gives_a_hop() -> None:
    measured = confirming(*STOPPED, AGAIN, compared=((), (), (4,)))
    assert hop(measured, mechanisms=("tls.timeout.sni",)) == {"ttl": 4, "address": "198.51.46.1", "asn": 64511}


@pytest.mark.parametrize(
    ("last", "compared"),
    [(AGAIN, ()), (AGAIN, (5,)), ({4: "expired"}, (4,)), ({3: "silent"}, (4,)), ({5: "silent"}, (5,)), ({}, ())],
)
def test_silence_without_confirmation_gives_no_hop(last: Seen, compared: tuple[int, ...]) -> None:
    """Test also a packet that passed the hop in the end, after two at which it was silent."""
    flows = (*STOPPED, {4: "silent"}, last)
    measured = confirming(*flows, compared=((), (), (), compared))
    assert hop(measured, mechanisms=("tls.timeout.sni",)) is None and reasons(measured) == ["not_found"]


def ending(*flows: Seen, cause: str, compared: tuple[int, ...] = (2, 3, 4, 5, 6)) -> Any:
    """Return the hop of connections that are over at some age, with `cause` as the end of the first one."""
    measured = line(*flows, payload="kept", cause=cause)
    for entry in measured["test_keys"]["x_followups"]["limited_payloads"]:
        entry["compared"] = list(compared)
    return hop(measured, mechanisms=("flow.cutoff.time",))


@pytest.mark.parametrize(
    ("cause", "end"),
    [("generic_timeout_error", "silent"), ("connection_reset", "reset"), ("eof_error", "closed")],
)
def test_connections_that_end_at_some_age_have_a_hop_if_two_agree(cause: str, end: str) -> None:
    found = ending({2: "expired", 5: end}, {3: "expired", 4: end}, cause=cause)
    assert found == {"ttl": 4, "address": "198.51.46.1", "asn": 64511}
    assert ending({3: "expired", 4: end}, cause=cause) is None
    assert ending({3: "expired", 4: end}, {3: end}, cause=cause) is None
    assert ending({2: end, 5: end}, {3: "expired", 4: end}, cause=cause) is None


def test_silence_before_a_reset_or_beside_no_answer_gives_no_hop() -> None:
    flows = ({2: "expired", 5: "silent"}, {3: "expired", 4: "silent"})
    assert ending(*flows, cause="connection_reset") is None
    assert ending(*flows, cause="generic_timeout_error", compared=()) is None


@pytest.mark.parametrize(
    ("flows", "sent", "found"),
    [
        (({2: "silent", 5: "reset"}, {3: "silent", 4: "reset"}), 2, 4),
        (({2: "silent", 5: "reset"}, {3: "silent", 4: "reset"}), 1, 0),
        (({2: "silent", 5: "reset"}, {3: "expired", 4: "reset"}), 1, 4),
        (({3: "silent", 4: "reset"}, {3: "silent", 4: "reset"}), 1, 4),
        (({3: "silent", 4: "reset"}, {3: "reset"}), 1, 0),
        (({1: "reset"},), 1, 1),
    ],
)
def test_a_single_packet_that_met_silence_may_have_been_lost(flows: tuple[Seen, ...], sent: int, found: int) -> None:
    """Test that the hop needs two packets to the distance before it, or one that its router reported."""
    measured = line(*flows)
    followups = measured["test_keys"]["x_followups"]
    for entry in (*followups["limited_payloads"], *followups["path_sweeps"]):
        entry["transport"] = "tcp"
        for distance in entry.get("distances", ()):
            distance["sent"] = sent
    assert (hop(measured) or {"ttl": 0})["ttl"] == found
