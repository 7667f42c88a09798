"""Test which name servers are found on each system."""

import socket
import sys
from pathlib import Path
from types import SimpleNamespace

import dns.win32util
import pytest

from probe.platforms import configured_resolvers
from probe.platforms.configured_resolvers import named_in, no_data_errors, system_resolvers, unknown_name_errors


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configured_resolvers, "_kept", lambda read, now: read())


def test_resolvers_are_read_from_resolv_conf(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    assert named_in(path) == []
    path.write_bytes(
        b"# nameserver 192.0.2.9\nsearch example.com\nnameserver 127.0.0.53\n nameserver\t2001:db8::53 # v6\n"
        b"nameserver fe80::1%eth0\nnameserver dns.example\nnameserver\n\xff\xfe\n;nameserver 192.0.2.8\n"
    )
    assert named_in(path) == ["127.0.0.53", "2001:db8::53", "fe80::1%eth0"]
    path.write_bytes(b"")
    assert named_in(path) == []
    assert named_in(tmp_path) == []


def test_windows_is_asked_through_dnspython(monkeypatch: pytest.MonkeyPatch) -> None:
    found = SimpleNamespace(nameservers=["192.168.1.1", "fec0:0:0:ffff::1", "192.168.1.1", "2001:db8::53", ""])
    monkeypatch.setattr(configured_resolvers, "is_windows", lambda: True)
    monkeypatch.setattr(dns.win32util, "get_dns_info", lambda: found, raising=False)
    assert system_resolvers() == ["192.168.1.1", "2001:db8::53"]


def test_registry_that_cannot_be_read_names_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> None:
        raise PermissionError(5, "Access is denied")

    monkeypatch.setattr(configured_resolvers, "is_windows", lambda: True)
    monkeypatch.setattr(dns.win32util, "get_dns_info", refused, raising=False)
    assert system_resolvers() == []


def test_android_is_asked_for_its_properties_and_not_for_resolv_conf(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "resolv.conf").write_text("nameserver 8.8.8.8\n")
    answers = {"net.dns1": "192.168.1.1\n", "net.dns2": "\n"}
    monkeypatch.setattr(configured_resolvers, "RESOLV_CONF", tmp_path / "resolv.conf")
    monkeypatch.setattr(configured_resolvers, "is_android", lambda: True)
    monkeypatch.setattr(configured_resolvers, "output_of", lambda program, name: answers.get(name, ""))
    assert system_resolvers() == ["192.168.1.1"]
    answers.clear()
    assert system_resolvers() == []


def test_macos_is_asked_for_its_first_resolver_where_it_has_no_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said = (
        "DNS configuration\n\nresolver #1\n  search domain[0] : fritz.box\n  nameserver[0] : 192.168.1.1\n"
        "  nameserver[1] : fe80::1%en0\n  flags : Request A records\n\nresolver #2\n  nameserver[0] : 192.168.1.9\n"
    )
    monkeypatch.setattr(configured_resolvers, "RESOLV_CONF", tmp_path / "missing")
    monkeypatch.setattr(configured_resolvers, "output_of", lambda *command: said)
    assert system_resolvers() == []
    monkeypatch.setattr(sys, "platform", "darwin")
    assert system_resolvers() == ["192.168.1.1", "fe80::1%en0"]


def test_android_has_no_error_that_means_unknown_name_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert unknown_name_errors() == {socket.EAI_NONAME} and no_data_errors() == {socket.EAI_NODATA}
    monkeypatch.setattr(configured_resolvers, "is_windows", lambda: True)
    assert no_data_errors() == {11004}
    monkeypatch.setattr(configured_resolvers, "is_android", lambda: True)
    assert unknown_name_errors() == no_data_errors() == set()
