"""Test that the world is built from target files alone: names, addresses, servers, faults and deployments."""

import json
import os
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography.x509 import load_pem_x509_certificate

from probe.lab.censors.address_censors import IPBlackhole
from probe.lab.censors.intercept import TLSIntercept
from probe.lab.censors.payload_rates import PayloadDelay, PayloadRate
from probe.lab.censors.payloads import PayloadDrop
from probe.lab.censors.tls_censors import TLSReset
from probe.lab.run import _named_paths, environment, expected_services
from probe.lab.scenario.datagram_faults import NATRebinding, UDPDelay, UDPLoss, UDPRate
from probe.lab.scenario.expectations import Expectation
from probe.lab.scenario.faults import (
    NAT,
    Clock,
    ExpiredCertificate,
    NewAuthority,
    NoIPv6,
    NoNetwork,
    Portal,
    RefuseUnknownNames,
    ServerDown,
)
from probe.lab.scenario.scenario import Scenario, ScenarioError
from probe.lab.scenario.scenario_keys import HelperKeys
from probe.lab.services.credentials import Credentials
from probe.lab.world.assemble import ANNOTATIONS, HELPERS_ROOTS, ROOTS, build_fabric
from probe.lab.world.emulated_world import World, build_world
from probe.lab.world.hosts import HELPER_V4, PROVIDERS_RESOLVER, Host


def host(world: World, name: str) -> Host:
    return next(found for found in world.hosts if name in found.names or name in found.addresses)


def test_every_name_has_both_families_and_no_address_is_shared(world: World) -> None:
    for name in ("web.telegram.org", "e1.whatsapp.net", "neutral.example", "check.example"):
        assert {ip_address(address).version for address in world.zone[name]} == {4, 6}
    addresses = [address for found in world.hosts for address in found.addresses]
    assert len(addresses) == len(set(addresses))
    assert all(ip_address(address).is_global for address in addresses)


def test_literal_addresses_and_resolvers_keep_their_addresses(world: World) -> None:
    centre = host(world, "149.154.175.50")
    assert centre.ports == {80: {"http"}, 443: {"http", "mtproto"}}
    assert world.zone["dns.quad.example"] == ["9.9.9.9"]
    assert host(world, "9.9.9.9").ports == {53: {"dns+udp"}, 853: {"dot"}, 443: {"doh"}}
    assert {"149.154.175.50", "9.9.9.9", "198.41.0.4", PROVIDERS_RESOLVER} <= set(world.servers)


def test_same_seed_gives_the_same_world(folder: Path) -> None:
    scenario = Scenario("test", "A test")
    first, again, other = (build_world(folder, scenario, seed).zone for seed in (1, 1, 2))
    assert first == again != other


def test_new_target_gets_a_server_and_a_retired_one_does_not(folder: Path) -> None:
    (folder / "new.toml").write_text(
        'nettest = "endpoint_reachability"\ntitle = "New"\nsource = "https://s.example/"\nreviewed = 2026-11-24\n'
        '[services.web]\nendpoints = ["https://new.example:443/", "tcp://new.example:5000"]\n'
    )
    world = build_world(folder, Scenario("test", "A test"), 0)
    assert host(world, "new.example").ports == {443: {"https"}, 5000: {"tcp"}}
    assert "www.gone.example" not in world.zone
    text = (folder / "new.toml").read_text()
    (folder / "new.toml").write_text(text.replace("[services.web]", "lab = false\n[services.web]"))
    assert "new.example" not in build_world(folder, Scenario("test", "A test"), 0).zone


def test_faults_apply_to_their_servers_only(folder: Path) -> None:
    faults = (
        ServerDown(services=["whatsapp/web"]),
        ServerDown(names=["149.154.175.50"], how="refused"),
        RefuseUnknownNames(),
        ExpiredCertificate(services=["telegram/*"]),
        Clock(days=400),
    )
    world = build_world(folder, Scenario("test", "A test", faults=faults), 0)
    assert world.silent == host(world, "web.whatsapp.com").addresses
    assert host(world, "149.154.175.50").down == "refused"
    assert host(world, "web.telegram.org").certificate == "expired"
    assert host(world, "e1.whatsapp.net").certificate == "good"
    assert host(world, "web.telegram.org").refuses_unknown
    assert not host(world, "neutral.example").refuses_unknown
    assert world.now_offset.days == 400


def test_fabric_has_deployed_censors_on_their_hops(folder: Path) -> None:
    censors = (
        TLSReset(names=["web.telegram.org"]),
        IPBlackhole(services=["telegram/dc_pool"], hop=6),
        TLSIntercept(names=["web.whatsapp.com"]),
    )
    scenario = Scenario(
        "mine",
        "A test",
        censors=censors,
        faults=(Portal(), NoIPv6(), NoNetwork(), NAT()),
        helper=HelperKeys(censored=True),
    )
    world = build_world(folder, scenario, 0)
    config = build_fabric(scenario, world, 0, "PEM")
    assert [censor.hop for censor in config.censors] == [4, 6, 4, 4, 2, 2]
    assert (config.no_ipv6, config.no_network, config.nat_keeps_ports) == ("absent", "silent", False)
    assert json.loads(config.files[ANNOTATIONS]) == {"lab": "mine"}
    assert config.files[ROOTS] == "PEM"
    assert {interceptor.real for interceptor in world.intercepting_servers} == set(world.zone["web.whatsapp.com"])
    assert {interceptor.address for interceptor in world.intercepting_servers} <= set(config.servers)
    assert censors[0].hop == 0


def test_faults_of_all_datagrams_are_on_the_access_line(folder: Path) -> None:
    lossy = UDPLoss(share=0.1, burst_ms=50.0, direction="in", after=2.0, until=4.0)
    faults = (lossy, UDPRate(rate_kbit=64, queue_ms=100), UDPDelay(most_ms=50), NATRebinding(after=4.0))
    scenario = Scenario("mine", "A test", faults=faults)
    config = build_fabric(scenario, build_world(folder, scenario, 0), 0, "PEM")
    assert config.nat_rebinds_after == 4.0
    loss, rate, delay = config.censors
    assert isinstance(loss, PayloadDrop) and isinstance(rate, PayloadRate) and isinstance(delay, PayloadDelay)
    assert (loss.protocols, loss.share, loss.burst_ms, loss.direction) == ([], 0.1, 50.0, "in")
    assert (loss.after_seconds, loss.until_seconds) == (2.0, 4.0)
    assert (rate.protocols, rate.rate_kbit, rate.queue_ms) == ([], 64, 100)
    assert (delay.protocols, delay.least_ms, delay.most_ms) == ([], 0.0, 50)
    assert {censor.hop for censor in config.censors} == {2}


def test_helper_trusts_an_authority_that_the_user_does_not(folder: Path) -> None:
    faults = (NewAuthority(names=["web.telegram.org"]),)
    world = build_world(folder, Scenario("test", "A test", faults=faults), 0)
    files = build_fabric(Scenario("test", "A test"), world, 0, "PEM").files
    assert (files[ROOTS], files[HELPERS_ROOTS]) == ("PEM", "PEM" + world.newest.pem)
    chain, _ = Credentials(world).issued_to(host(world, "web.telegram.org"))
    leaf, root = (load_pem_x509_certificate(pem) for pem in (chain, world.newest.pem.encode()))
    leaf.verify_directly_issued_by(root)
    assert host(world, "web.whatsapp.com").certificate == "good"


def test_censor_beyond_the_path_is_an_error(folder: Path) -> None:
    from probe.lab.run import run_command
    from probe.lab.scenario.scenario_keys import PathKeys

    scenario = Scenario("mine", "A test", path=PathKeys(after=0), censors=(IPBlackhole(hop=9),))
    with pytest.raises(ScenarioError, match="hop 9"):
        run_command(scenario, folder, ["true"], consent="x")


def test_environment_has_five_variables() -> None:
    found = environment("2026-11")
    assert sorted(found) == ["PROBE_ASN", "PROBE_CC", "PROBE_CONSENT", "PROBE_CONTROL", "PROBE_PUBLIC_ROOTS"]
    assert found["PROBE_CONTROL"] == f"http://{HELPER_V4}"
    assert environment("2026-11", form="ooni")["PROBE_CONTROL"] == f"ooni+http://{HELPER_V4}"


def test_expected_services_have_servers(folder: Path) -> None:
    scenario = Scenario("mine", "A test", expect={"default": Expectation(state="ok")})
    assert set(expected_services(scenario, folder)) == {
        "telegram/dc_pool",
        "telegram/web",
        "whatsapp/chat",
        "whatsapp/web",
    }
    gone = Scenario("mine", "A test", expect={"old/web": Expectation(state="insufficient")})
    assert "old/web" in expected_services(gone, folder)  # retired, but the scenario names it
    wrong = Scenario("mine", "A test", expect={"telegram/wbe": Expectation(state="ok")})
    with pytest.raises(ScenarioError, match="telegram/wbe"):
        expected_services(wrong, folder)


def test_fault_of_a_service_without_a_server_is_refused(folder: Path) -> None:
    wrong = Scenario("mine", "A test", faults=(ServerDown(services=["telegram/web", "telegram/wbe"]),))
    with pytest.raises(ScenarioError, match='no server of the lab belongs to the service "telegram/wbe"'):
        build_world(folder, wrong, seed=0)


def test_named_paths_are_kept_except_below_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("PROBE_", "XDG_", "HOME")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/0")
    monkeypatch.setenv("PROBE_RESULTS", str(tmp_path / "results"))
    here = Path("/tmp/probe-lab-test-not-there/lines.jsonl")
    assert _named_paths(["probe", f"--output={here}", "/run", "/etc/hosts"]) == [str(tmp_path.resolve())]
    assert _named_paths([str(tmp_path)]) == [str(tmp_path.resolve())]
