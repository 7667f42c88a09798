"""Test the verdict about the network on runs that differ from a regime in one fact."""

from collections.abc import Sequence
from typing import Any

import pytest

from probe.analysis.verdicts.network_regimes import RegimeVerdict, judge_regime
from probe.analysis.verdicts.run_network import RunNetwork

ABROAD = [f"https://n{number}.example:443/" for number in range(3)]
REACHED = [f"https://far{number}.example:443/" for number in range(4)]
HOME = "https://home.example:443/"
SILENT = ("generic_timeout_error", "connect")
STOPPED = ("generic_timeout_error", "tls_handshake")
REFUSED = ("connection_refused", "connect")
LOCAL = ("address_family_not_supported", "connect")
Outcome = tuple[str, str] | None


def host(url: str, outcome: Outcome = None, *, home: bool = False, address: str = "192.0.2.1") -> dict[str, Any]:
    failure, operation = outcome or (None, None)
    connect_only = {"connect_only": True} if url in REACHED else {}
    return {
        "endpoint": url,
        "address": address,
        "failure": failure,
        "failed_operation": operation,
        **connect_only,
        **({"home": True} if home else {}),
    }


def endpoint(url: str, state: str = "ok", rule_id: str = "http_answers", **more: Any) -> dict[str, Any]:
    return {"endpoint": url, "state": state, "rule_id": rule_id, "mechanisms": [], **more}


def service(name: str, *endpoints: dict[str, Any], state: str = "ok", **more: Any) -> dict[str, Any]:
    app = name.partition("/")[0]
    return {"target": app, "service": name, "state": state, "valid": True, "endpoints": list(endpoints)} | more


WORKING = [service(f"app{number}/web", endpoint(f"https://app{number}.example:443/")) for number in range(3)]


def judged(
    neutral: list[dict[str, Any]], records: list[dict[str, Any]], flows: Sequence[dict[str, Any]] = (), **check: Any
) -> RegimeVerdict:
    network = RunNetwork()
    run = {"preflight": {"neutral": neutral, "udp_public": True} | check}
    network.add({"test_keys": {"x_run": run, "x_transactions": flows}})
    found = judge_regime(records, network)
    assert found is not None
    return found


def regimes(*given: Any, **check: Any) -> set[str]:
    found = judged(*given, **check)
    return {found["regime"], *found["restrictions"]}


# -- open ------------------------------------------------------------------------------------------------------------


def test_network_in_which_everything_works_is_open() -> None:
    found = judged(list(map(host, ABROAD)), WORKING)
    assert (found["regime"], found["restrictions"], found["valid"]) == ("open", [], True)
    assert found["sentence"] == "No interference was seen in this network."


@pytest.mark.parametrize(
    ("neutral", "records", "check"),
    [
        ([*map(host, ABROAD[:2])], WORKING, {}),
        ([*map(host, ABROAD)], WORKING[:2], {}),
        ([*map(host, ABROAD)], [*WORKING, service("x/web", endpoint("https://x.example:443/"), state="impaired")], {}),
        ([*map(host, ABROAD)], [*WORKING[1:], WORKING[0] | {"anomalies": ["dns.injection.other"]}], {}),
        ([*map(host, ABROAD[1:]), host(ABROAD[0], STOPPED)], WORKING, {}),
        ([*map(host, ABROAD)], WORKING, {"udp_public": None}),
    ],
    ids=["two neutral hosts", "two apps", "one unclear", "one anomaly", "one neutral host stopped", "UDP unknown"],
)
def test_open_needs_each_piece_of_evidence(
    neutral: list[dict[str, Any]], records: list[dict[str, Any]], check: dict[str, Any]
) -> None:
    assert regimes(neutral, records, **check) == {"unknown"}


def test_absent_ipv6_disturbs_nothing() -> None:
    absent = [host(url, LOCAL, address="2001:db8::1") for url in ABROAD]
    broken = [host(url, SILENT, address="2001:db8::1") for url in ABROAD]
    assert (
        regimes([*map(host, ABROAD), *absent], WORKING) == regimes([*map(host, ABROAD), *broken], WORKING) == {"open"}
    )


# -- international cut -----------------------------------------------------------------------------------------------

FAILING = [service("app/web", endpoint("https://app.example:443/", "impaired"), state="impaired")]
ALL_SILENT = [host(url, SILENT) for url in (*ABROAD, *REACHED)]
AT_HOME = host(HOME, home=True)


def test_silence_abroad_with_a_host_at_home_is_a_cut() -> None:
    assert regimes([*ALL_SILENT, AT_HOME], FAILING, udp_public=False) == {"international_cut"}


@pytest.mark.parametrize(
    ("neutral", "check"),
    [
        (ALL_SILENT, {"udp_public": False}),
        ([*ALL_SILENT, host(HOME, SILENT, home=True)], {"udp_public": False}),
        ([*ALL_SILENT[:-1], host(REACHED[-1]), AT_HOME], {"udp_public": False}),
        ([*ALL_SILENT[:5], AT_HOME], {"udp_public": False}),
        ([*ALL_SILENT, AT_HOME], {"udp_public": True}),
    ],
    ids=["no host at home", "dead access line", "one transit down", "few hosts", "UDP from abroad"],
)
def test_outage_is_no_cut(neutral: list[dict[str, Any]], check: dict[str, Any]) -> None:
    assert regimes(neutral, FAILING, **check) == {"unknown"}


ROOTS = [host(f"dns+tcp://192.0.2.{number}:53", SILENT) for number in range(4)]


def test_silent_hosts_with_known_addresses_show_a_cut_where_no_name_has_one() -> None:
    assert regimes([*ROOTS, AT_HOME], FAILING, udp_public=False) == {"international_cut"}


@pytest.mark.parametrize(
    ("neutral", "check"),
    [
        (ROOTS, {"udp_public": False}),
        ([*ROOTS[:3], AT_HOME], {"udp_public": False}),
        ([*ROOTS[:3], host("dns+tcp://192.0.2.9:53"), AT_HOME], {"udp_public": False}),
        ([*ROOTS, AT_HOME], {"udp_public": None}),
        ([*ROOTS, AT_HOME], {"udp_public": True}),
    ],
    ids=["nothing at home", "three hosts", "one answers", "UDP unknown", "UDP from abroad"],
)
def test_dead_resolver_is_no_cut(neutral: list[dict[str, Any]], check: dict[str, Any]) -> None:
    assert regimes(neutral, FAILING, **check) == {"unknown"}


def test_host_that_is_tested_in_two_ways_counts_once() -> None:
    again = [one | {"connect_only": True} for one in ALL_SILENT[:3]]
    found = judged([*ALL_SILENT[:3], *again, AT_HOME], FAILING, udp_public=None)
    assert found["regime"] == "unknown" and found["evidence"]["neutral_silent"] == 3
    assert found["evidence"]["neutral_hosts"] == found["evidence"]["neutral_shown"] == 3


# -- UDP -------------------------------------------------------------------------------------------------------------

LOST = [
    service(f"{kind}/calls", endpoint(url, "likely_blocked", f"{kind}_no_datagram_passes"))
    for kind in ("stun", "sip", "turn")
    for url in [f"{kind}://{kind}.example:3478;transport=udp"]
]


RELAYS = [
    service(f"{app}/calls", endpoint(f"stun://{app}.example:3478;transport=udp", "likely_blocked", rule_id))
    for app, rule_id in (("signal", "call_silent_at_server_alone:stun"), ("whatsapp", "call_silent_here:stun"))
]


def quic_to_neutral(failed: str | None) -> dict[str, Any]:
    about = {"kind": "followup", "followup": "neutral_name_neutral_host", "steps": ["quic_handshake"]}
    return about | {"endpoint": "quic://app.example:443/", "failure": failed, "failed_operation": "quic_handshake"}


def test_relays_of_several_apps_are_cut_only_beside_other_datagrams() -> None:
    neutral, passes = list(map(host, ABROAD)), [quic_to_neutral(None)]
    assert regimes(neutral, RELAYS, passes) == {"relay_ports_cut"}
    assert regimes(neutral, RELAYS) == {"unknown"}, "nothing over UDP passes"
    assert regimes(neutral, RELAYS[:1], passes) == {"unknown"}, "one app alone"
    working = service("facebook/calls", endpoint("stun://facebook.example:3478;transport=udp", "ok"))
    assert "relay_ports_cut" not in regimes(neutral, [*RELAYS, working], passes), "the relays of one app answer"


def test_only_dns_passes_if_quic_is_lost_too() -> None:
    neutral = list(map(host, ABROAD))
    lost = [quic_to_neutral("generic_timeout_error")]
    assert regimes(neutral, LOST, lost) == {"udp_blocked"}
    assert regimes(neutral, LOST) == {"unknown"}  # perhaps the ports of calls alone
    assert regimes(neutral, LOST, [quic_to_neutral(None)]) == {"unknown"}
    assert regimes(neutral, LOST, [*lost, quic_to_neutral(None)]) == {"unknown"}
    assert regimes(neutral, LOST[:2], lost) == {"unknown"}


# -- allowlists and ports --------------------------------------------------------------------------------------------

CUT = [host(url, STOPPED) for url in ABROAD]
LISTED = service("listed/web", endpoint("https://listed.example:443/"))
UNLISTED = [
    service(f"app{number}/web", endpoint(f"https://app{number}.example:443/", "likely_blocked"), state="likely_blocked")
    for number in range(2)
]


def innocuous(*failures: str | None, kind: str = "innocuous") -> list[dict[str, Any]]:
    return [
        {
            "kind": kind if kind == "innocuous" else "followup",
            "followup": None if kind == "innocuous" else kind,
            "endpoint": "https://listed.example:443/",
            "failure": failure,
            "failed_operation": failure and "tls_handshake",
        }
        for failure in failures
    ]


def test_innocuous_name_tells_a_list_of_addresses_from_one_of_names() -> None:
    assert regimes(CUT, [LISTED, *UNLISTED], innocuous(None)) == {"allowlist_address"}
    assert regimes(CUT, [LISTED, *UNLISTED], innocuous("generic_timeout_error")) == {"allowlist_name"}
    for unknown in (innocuous(), innocuous(None, "connection_reset")):
        assert regimes(CUT, [LISTED, *UNLISTED], unknown) == {"unknown"}


def test_innocuous_name_after_the_working_one_tells_them_too() -> None:
    after = "other_name_same_address"
    assert regimes(CUT, [LISTED, *UNLISTED], innocuous(None, kind=after)) == {"allowlist_address"}
    assert regimes(CUT, [LISTED, *UNLISTED], innocuous("connection_reset", kind=after)) == {"allowlist_name"}


def test_list_of_addresses_may_have_a_few_neutral_hosts() -> None:
    others = [f"https://other{number}.example:443/" for number in range(4)]
    further = [host(url, STOPPED) for url in others]
    listed = [host(url) for url in ABROAD]
    assert regimes([*listed[:1], *CUT[1:], *further], [LISTED, *UNLISTED], innocuous(None)) == {"allowlist_address"}
    assert regimes([*listed, *further[:3]], [LISTED, *UNLISTED], innocuous(None)) == {"unknown"}
    down = host(others[-1], SILENT)
    assert regimes([*listed[:1], *CUT[1:], *further[:-1], down], [LISTED, *UNLISTED], innocuous(None)) == {"unknown"}


def test_lost_large_packets_and_a_home_router_without_uplink_are_no_allowlist() -> None:
    mtu = {"ipv4": 1200, "ipv6": None, "refused": []}
    assert regimes(CUT, [LISTED, *UNLISTED], innocuous(None), mtu=mtu) == {"unknown"}
    assert regimes(CUT, UNLISTED, innocuous(None)) == {"unknown"}
    assert regimes([*CUT[1:], host(ABROAD[0])], [LISTED, *UNLISTED], innocuous(None)) == {"unknown"}


def test_port_needs_every_neutral_host_and_a_proof_on_another_port() -> None:
    refused = [host(url, REFUSED) for url in (*ABROAD, *REACHED)]
    other = service("mail/imap", endpoint("imaps://mail.example:993"))
    assert regimes(refused, [other, *UNLISTED]) == {"port_443_reset"}
    assert regimes(refused, UNLISTED) == {"unknown"}
    assert regimes([*refused[1:], host(ABROAD[0])], [other, *UNLISTED]) == {"unknown"}
    assert regimes(refused, [other, LISTED, *UNLISTED]) == {"unknown"}


# -- restrictions ----------------------------------------------------------------------------------------------------


def resolvers(plain: str, encrypted: str) -> list[dict[str, Any]]:
    return [
        service(
            f"resolvers/r{number}",
            endpoint(f"dns+udp://192.0.2.{number}:53", plain),
            endpoint(f"dot://r{number}.example:853", encrypted),
        )
        for number in range(1, 3)
    ]


def test_encrypted_dns_is_blocked_only_where_plain_dns_works() -> None:
    neutral = list(map(host, ABROAD))
    assert regimes(neutral, resolvers("ok", "blocked")) == {"encrypted_dns_blocked"}
    assert regimes(neutral, resolvers("likely_blocked", "likely_blocked")) == {"unknown"}
    assert regimes(neutral, [*resolvers("ok", "blocked")[:1], *resolvers("ok", "ok")[1:]]) == {"unknown"}
    assert "encrypted_dns_blocked" not in regimes(CUT, resolvers("ok", "blocked"))


def test_denied_names_need_a_resolver_of_the_provider_and_no_false_address() -> None:
    denied = [
        service(
            f"app{n}/web", endpoint(f"https://a{n}.example:443/", "blocked", "dns_resolver_denies"), state="blocked"
        )
        for n in range(2)
    ]
    false = service("app/web", endpoint("https://b.example:443/", "blocked", "x", mechanisms=["dns.injection.other"]))
    neutral, name = list(map(host, ABROAD)), "national_dns_delisting"
    assert name in regimes(neutral, [*denied, LISTED], resolver_class="isp")
    for resolver_class in ("private", "public", "none"):
        assert name not in regimes(neutral, [*denied, LISTED], resolver_class=resolver_class)
    assert name not in regimes(neutral, [denied[0], LISTED], resolver_class="isp")
    assert name not in regimes(neutral, [*denied, false, LISTED], resolver_class="isp")


# -- validity --------------------------------------------------------------------------------------------------------


def test_vpn_spoils_the_verdict_and_a_portal_does_not() -> None:
    invalid = {"valid": False, "state": None, "rule_id": "invalid_vpn", "because": "A VPN."}
    vpn = judged(list(map(host, ABROAD)), [service("app/web") | invalid | {"invalid_reason": "vpn"}])
    assert (vpn["regime"], vpn["valid"], vpn["invalid_reason"]) == ("unknown", False, "vpn")
    portal = [service("app/web") | invalid | {"invalid_reason": "captive_portal"}]
    assert regimes([host(ABROAD[0], REFUSED)], portal, portal="redirect") == {"captive"}


def test_run_without_a_check_of_the_network_has_no_verdict() -> None:
    assert judge_regime(WORKING, RunNetwork()) is None
