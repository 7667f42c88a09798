"""Test what is read of the hosts file of this computer."""

from pathlib import Path

import pytest

from probe.platforms import hosts_file
from probe.platforms.hosts_file import addresses_in_hosts_file

TEXT = """\
127.0.0.1 localhost
0.0.0.0 Web.Telegram.ORG chat.signal.org  # a comment with www.facebook.com
# 0.0.0.0 web.whatsapp.com
::1%lo0\tweb.telegram.org.
0:0:0:0:0:0:0:1 web.telegram.org
not-an-address t.co
203.0.113.7
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "hosts"
    monkeypatch.setattr(hosts_file, "hosts_file", lambda: path)
    return path


def test_only_the_addresses_of_the_name_are_returned(file: Path) -> None:
    file.write_text(TEXT)
    assert addresses_in_hosts_file("web.telegram.org") == ["0.0.0.0", "::1"]
    assert addresses_in_hosts_file("CHAT.signal.org.") == ["0.0.0.0"]
    for name in ("www.facebook.com", "web.whatsapp.com", "t.co", "203.0.113.7"):
        assert addresses_in_hosts_file(name) == []


def test_a_missing_an_odd_and_a_changed_file(file: Path) -> None:
    assert addresses_in_hosts_file("t.co") == []
    file.write_bytes(b"\xff\xfe\x00 t.co\n\xef\xbb\xbf198.51.100.1 t.co\n")
    assert addresses_in_hosts_file("t.co") == []
    file.write_text("198.51.100.1 t.co\n198.51.100.1 t.co\n")
    assert addresses_in_hosts_file("t.co") == ["198.51.100.1"]


def test_a_huge_file_is_not_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("198.51.100.1 t.co\n")
    monkeypatch.setattr(hosts_file, "MOST_BYTES", 3)
    assert addresses_in_hosts_file("t.co") == []


def test_where_the_file_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert hosts_file.hosts_file() == Path("/etc/hosts")
    monkeypatch.setattr(hosts_file, "is_android", lambda: True)
    assert hosts_file.hosts_file() == Path("/system/etc/hosts")
    monkeypatch.setattr(hosts_file, "is_windows", lambda: True)
    monkeypatch.setenv("SYSTEMROOT", "W")
    assert hosts_file.hosts_file() == Path("W/System32/drivers/etc/hosts")
