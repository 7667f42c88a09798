"""Test the vantage point: sources of country and network, and values that must never be written."""

import json
import socket
import ssl
from pathlib import Path

import pytest

from probe.asn.table import UNKNOWN, Network
from probe.privacy.redact import SCRUBBED, KnownIdentifiers, redact
from probe.run import vantage
from probe.run.vantage import (
    ENGINE_VERSION,
    Vantage,
    known_values,
    locate,
    machine_annotations,
    network_type,
    where_are_we,
)
from probe.session.pacing import Pace
from probe.session.session import RunSettings, Session
from probe.targets.target_files import bundled_targets, load_neutral, load_target

HOME, ELSEWHERE, RESOLVER = "198.51.100.7", "203.0.113.9", "203.0.113.53"


class Table:
    """Represent a table of two networks."""

    database = "test 2026-11-24"

    def lookup(self, ip: str) -> Network:
        return {
            HOME: Network(64500, "IR", "Home Net"),
            ELSEWHERE: Network(64501, "DE", "Elsewhere"),
            RESOLVER: Network(64502, "US", "Resolver Inc"),
        }.get(ip, UNKNOWN)


def session() -> Session:
    targets = bundled_targets()
    return Session(
        "0" * 16, RunSettings(), Pace(), load_neutral(targets / "neutral.toml"), load_target(targets / "resolvers.toml")
    )


def test_first_address_in_table_decides() -> None:
    here = locate(Table(), candidates=["192.168.1.2", HOME, ELSEWHERE], resolver=RESOLVER)
    assert (here.probe_cc, here.probe_asn, here.network_name) == ("IR", "AS64500", "Home Net")
    assert (here.resolver_asn, here.resolver_network_name) == ("AS64502", "Resolver Inc")
    assert here.database == "test 2026-11-24"
    assert here.sentence is None


def test_unknown_network_is_as0_and_zz_with_message() -> None:
    here = locate(Table(), candidates=["192.168.1.2"])
    assert (here.probe_cc, here.probe_asn, here.network_name, here.resolver_asn) == ("ZZ", "AS0", "", "AS0")
    assert here.sentence is not None and "--cc" in here.sentence and "--asn" in here.sentence


def test_options_of_user_come_first() -> None:
    here = locate(Table(), candidates=[HOME], cc="XX", asn="AS64511")
    assert (here.probe_cc, here.probe_asn) == ("XX", "AS64511")
    assert here.network_name == "", "the name of another network must not stand beside the number given"
    assert here.sentence is None


def test_country_option_keeps_detected_network() -> None:
    here = locate(Table(), candidates=[HOME], cc="TR")
    assert (here.probe_cc, here.probe_asn, here.network_name) == ("TR", "AS64500", "Home Net")
    assert locate(Table(), candidates=[], cc="TR").sentence is not None


async def test_address_seen_by_helper_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vantage, "default_table", Table)
    monkeypatch.setattr(vantage, "source_addresses", lambda literals: ["192.168.1.2"])
    monkeypatch.setattr(vantage, "interface_addresses", lambda: {"192.168.1.2"})
    before = await where_are_we(session())
    after = await where_are_we(session(), learned=HOME)
    assert (before.probe_asn, after.probe_asn) == ("AS0", "AS64500")


async def test_interface_address_comes_before_address_from_helper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vantage, "default_table", Table)
    monkeypatch.setattr(vantage, "source_addresses", lambda literals: [HOME])
    assert (await where_are_we(session(), learned=ELSEWHERE)).probe_asn == "AS64500"


async def test_public_resolver_is_kept_and_home_router_is_redacted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(vantage, "system_resolvers", lambda: ["8.8.8.8", "192.168.77.1"])
    here = await where_are_we(session())
    assert redact({"a": "8.8.8.8:53", "b": "192.168.77.1"}, here.known) == {"a": "8.8.8.8:53", "b": SCRUBBED}
    assert here.resolver_asn == "AS15169"


def test_address_is_in_no_written_field() -> None:
    here = locate(Table(), candidates=[HOME], resolver=RESOLVER, known=KnownIdentifiers.of([HOME]))
    assert HOME not in repr(here) and RESOLVER not in repr(here)


def test_annotations_have_names_of_ooni() -> None:
    found = locate(Table(), candidates=[HOME]).annotations
    assert found["platform"] in {"android", "freebsd", "ios", "linux", "macos", "windows"}
    assert found["architecture"] and found["architecture"] not in {"x86_64", "aarch64"}
    assert found["engine_name"] == "censorprobe"
    assert found["tls_engine"] == " ".join(ssl.OPENSSL_VERSION.split()[:2])  # OONI's hellos are Go's
    assert tuple(map(int, ENGINE_VERSION.split("."))) >= (3, 17, 2)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"lab": "great-firewall", "n": 1}', {"lab": "great-firewall"}),
        ("[]", {}),
        ("{", {}),
        ("", {}),
        ('{"a": "' + "x" * 20_000 + '"}', {}),
    ],
)
def test_machine_annotations_are_read(tmp_path: Path, content: str, expected: dict[str, str]) -> None:
    (tmp_path / "annotations.json").write_text(content)
    assert machine_annotations(tmp_path / "annotations.json") == expected
    assert machine_annotations(tmp_path / "missing.json") == {}


def test_machine_annotations_are_in_every_measurement(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"lab": "clean"}))
    monkeypatch.setattr(vantage, "machine_annotations", lambda: machine_annotations(tmp_path / "a.json"))
    assert locate(Table(), candidates=[]).annotations["lab"] == "clean"


@pytest.mark.parametrize(("name", "kind"), [("wg0", "vpn"), ("rmnet0", "mobile"), ("eth9", None)])
def test_network_type_follows_interface(monkeypatch: pytest.MonkeyPatch, name: str, kind: str | None) -> None:
    monkeypatch.setattr(vantage, "interface_of", lambda ip: name)
    assert network_type(["192.168.1.2"]) == kind
    assert network_type([]) is None


def test_known_values_contain_names_and_paths_of_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/janedoe")
    monkeypatch.setenv("USER", "janedoe")
    monkeypatch.setattr(socket, "gethostname", lambda: "janes-laptop.fritz.box")
    known = known_values(HOME, "no address")
    assert {"janedoe", "janes-laptop", "janes-laptop.fritz.box"} <= known.words
    assert "/home/janedoe" in known.paths
    assert HOME in known.addresses and "no address" not in known.addresses


def test_default_vantage_point_is_unknown() -> None:
    assert Vantage().probe_asn == "AS0" and Vantage().known.addresses == frozenset()


def test_account_without_name_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vantage, "account", lambda: None)
    assert known_values().words


async def test_source_address_is_known_where_the_system_lists_no_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vantage, "source_addresses", lambda literals: ["192.168.7.2"])
    monkeypatch.setattr(vantage, "interface_addresses", set)
    assert "192.168.7.2" in (await where_are_we(session())).known.addresses
