"""Test the names of systems, and what is asked of their modules and programs."""

import ssl
import sys
from pathlib import Path

import certifi
import pytest

from probe.platforms import systems, trust_store
from probe.platforms.systems import (
    has_linux_kernel,
    is_android,
    is_windows,
    output_of,
    platform_name,
    system_module,
)


@pytest.mark.parametrize(
    ("platform", "name", "linux"),
    [
        ("linux", "linux", True),
        ("android", "android", True),
        ("darwin", "macos", False),
        ("win32", "windows", False),
        ("cygwin", "windows", False),
        ("freebsd14", "freebsd", False),
        ("sunos5", "sunos5", False),
    ],
)
def test_system_has_its_name_in_ooni(monkeypatch: pytest.MonkeyPatch, platform: str, name: str, linux: bool) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert (platform_name(), has_linux_kernel()) == (name, linux)
    assert is_windows() == (name == "windows") and is_android() == (name == "android")


def test_older_python_calls_android_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "getandroidapilevel", lambda: 30, raising=False)
    assert is_android() and has_linux_kernel() and platform_name() == "android"


def test_module_of_another_system_is_none() -> None:
    assert system_module("resource") is not None
    assert system_module("msvcrt") is None


def test_program_that_is_missing_or_fails_or_hangs_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert output_of("/bin/echo", "text") == "text\n"
    assert output_of("/nonexistent/program") == ""
    assert output_of("/bin/sh", "-c", "echo text; exit 1") == ""
    monkeypatch.setattr(systems, "_PATIENCE", 0.2)
    assert output_of("/bin/sh", "-c", "echo text; exec sleep 30") == ""


def test_certificates_of_windows_and_macos_are_pem(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not list(trust_store.machine_certificates())
    text = Path(certifi.where()).read_text()
    first, second, *_ = trust_store._in_pem(text)
    der = ssl.PEM_cert_to_DER_cert(first)
    with monkeypatch.context() as patch:
        found = {"ROOT": [(der, "x509_asn", True), (b"", "pkcs_7_asn", True)], "CA": []}
        patch.setattr(ssl, "enum_certificates", found.__getitem__, raising=False)
        assert list(trust_store.machine_certificates()) == [ssl.DER_cert_to_PEM_cert(der)]
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(trust_store, "output_of", lambda *command: first + second)
    assert [ssl.PEM_cert_to_DER_cert(one) for one in trust_store.machine_certificates()] == [
        der,
        ssl.PEM_cert_to_DER_cert(second),
    ]
