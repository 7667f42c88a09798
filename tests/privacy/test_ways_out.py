"""Test that names and addresses of this computer leave it in no way: each way out with each planted value."""

import base64
import json
import struct
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from scapy.layers.inet import TCP

import probe.cli
from probe.cli.run.explain import print_explanation
from probe.cli.screen import UsageError
from probe.cli.sharing.share import share
from probe.cli.sharing.submit import submit
from probe.http_server import bug_reports
from probe.ooni.submission.queue_file import has_queue
from probe.packets.pcapng import rewrite, write_pcapng
from probe.privacy.redact import redact
from probe.results import SHARED, ResultsFile
from probe.run import vantage
from probe.run.learned_addresses import LearnedAddresses
from probe.run.measurement_keys import Measured
from probe.run.measurement_writer import MeasurementWriter
from probe.run.vantage import Vantage, known_values
from probe.targets.target_files import bundled_targets, load_target
from tests.packets.test_dissect import received
from tests.privacy.encoded.fields import planted
from tests.privacy.test_redact import shows
from tests.sharing.shared_runs import line, write_run

HOST, USER, HOME = "elisabeths-laptop", "elisabethk", "/home/elisabethk"
MAC, NEIGHBOUR, ROUTER = "3c:5a:b4:01:9e:7f", "00:1c:42:d0:00:18", "fe80::7a8a:20ff:fe5b:91c4"
NETWORKS = {"Elisabeths WLAN 5", "Кафе Иванов"}

VALUES = {
    "host name": HOST,
    "user name": USER,
    "home folder": HOME,
    "MAC, colons": MAC,
    "MAC, dashes": "3C-5A-B4-01-9E-7F",
    "MAC, dots": "3c5a.b401.9e7f",
    "MAC, bare": "3C5AB4019E7F",
    "MAC of a neighbour": "0:1c:42:d0:0:18",
    "MAC of the router, from its address": "78:8a:20:5b:91:c4",
    "EUI-64": "2001:db8:7:1:3e5a:b4ff:fe01:9e7f",
    "EUI-64, upper case": "FE80::3E5A:B4FF:FE01:9E7F",
    "EUI-64 of the router": "2001:db8:7:1:7a8a:20ff:fe5b:91c4",
    "EUI-64, reversed": ".".join(reversed("3e5ab4fffe019e7f")) + ".0.0.0.0.ip6.arpa",
    "network": "Elisabeths WLAN 5",
    "network, Cyrillic": "Кафе Иванов",
}

Check = Callable[[str, Path], Awaitable[None]]


@pytest.fixture(autouse=True)
def computer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the system answer with the planted names and addresses."""
    for name in ("LOGNAME", "USERNAME", "SUDO_USER", "HOSTNAME", "USERPROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("USER", USER)
    monkeypatch.setattr("socket.gethostname", lambda: HOST)
    monkeypatch.setattr(vantage, "account", lambda: (USER, HOME))
    monkeypatch.setattr(vantage, "gateways", lambda: {ROUTER})
    monkeypatch.setattr(vantage, "hardware_addresses", lambda: {MAC, NEIGHBOUR, "00:00:00:00:00:00"})
    monkeypatch.setattr(vantage, "network_names", lambda: NETWORKS)


async def in_results(value: str, folder: Path) -> None:
    async def locate(learned: str | None) -> Vantage:
        return Vantage(probe_asn="AS64500", probe_cc="XX", known=known_values())

    file = folder / "out.jsonl"
    writer = MeasurementWriter(lambda where: ResultsFile.to_file(file), locate, LearnedAddresses())
    raw = {"format": "base64", "data": base64.b64encode(value.encode()).decode()}
    ours = {
        "x_bugs": [f"before {value} after"],
        "x_packets": [{"quoted": raw}],
    }  # no server writes these keys
    keys = planted("http title", "plain")["test_keys"] | ours
    await writer.write(Measured(keys, "telegram", "0.1", datetime.now(UTC), 1.0, None, [], {}))
    writer.close()
    written = json.loads(file.read_text())
    assert not shows(written, value) and "before " in written["test_keys"]["x_bugs"][0]


async def in_packets(value: str, folder: Path) -> None:
    record = value.encode()
    hello = b"\x16\x03\x01" + struct.pack(">H", len(record)) + record
    for payload, kept in ((hello, False), (b"\x16\x03\x01\0\x05hello", True)):
        raw = rewrite(received(TCP(sport=443, dport=1, flags="PA") / payload), known_values(), outgoing=False)
        assert raw is not None and (payload in raw) == kept
        write_pcapng(str(folder / "x.pcapng"), [(1.0, raw)])
        assert record not in (folder / "x.pcapng").read_bytes()


def refused(command: Callable[..., None], value: str, folder: Path, printed: Callable[[], str]) -> None:
    """Check that a command refuses a run with the value, writes nothing, and does not repeat the value."""
    run = write_run(folder / "r" / "2026-11-24" / "QX-AS3320" / "130500-4f2a.jsonl")
    run.write_bytes(line(probe_asn="AS3320", test_keys={"x_bug": f"before {value} after"}))
    with pytest.raises(UsageError, match=r"Line 1 contains an address .* at test_keys\.x_bug") as refusal:
        command(str(run), results=folder / "r", yes=True)
    assert value not in refusal.value.sentence + printed() and "bug in probe" not in refusal.value.sentence
    assert not (folder / "r" / SHARED).exists() and not has_queue(folder / "r")


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("way", [in_results, in_packets], ids=["results", "packets"])
async def test_value_is_in_no_file_of_a_run(way: Check, value: str, tmp_path: Path) -> None:
    await way(value, tmp_path)


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("command", [share, submit], ids=["share and its text", "submit"])
def test_run_with_the_value_does_not_leave(
    command: Callable[..., None], value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(command, value, tmp_path, lambda: "".join(capsys.readouterr()))


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("report", [probe.cli._explain, bug_reports.report], ids=["command", "server"])
def test_value_in_an_exception_is_not_printed(
    report: Callable[[Exception], Any],
    value: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PROBE_TRACEBACK", raising=False)
    code = compile("def fail(text): raise ValueError(text)", f"{HOME}/probe/x.py", "exec")
    space: dict[str, Any] = {}
    exec(code, space)
    try:
        space["fail"](value)
    except ValueError as error:
        report(error)
    printed = capsys.readouterr()
    assert "ValueError" in printed.err and "x.py" in printed.err
    assert value not in printed.err + printed.out and USER not in printed.err


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_value_is_not_in_the_explanation_of_a_run(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    target = load_target(bundled_targets() / "x.toml")
    asked = {"targets": bundled_targets(), "control": (), "followups": True, "repeat": 1, "depth": "standard"}
    print_explanation([target], SimpleNamespace(**asked))  # type: ignore[arg-type]
    shown = capsys.readouterr().out
    assert "(x)" in shown and value.lower() not in shown.lower()


def test_words_of_the_provider_are_no_name_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check that a wireless network which its provider named leaves the provider in the measurement."""
    monkeypatch.setattr(vantage, "network_names", lambda: {"Telekom", "wifi", "Telekom-8F2A"})
    document = {"probe_network_name": "Deutsche Telekom AG", "type": "wifi", "said": "Telekom", "own": "Telekom-8F2A"}
    assert redact(document, known_values()) == document | {"own": "[scrubbed]"}


@pytest.mark.parametrize("mac", ["00:00:00:00:00:00", "02:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "01:00:5e:7f:ff:fa"])
def test_hardware_address_that_names_no_device_remains(mac: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vantage, "hardware_addresses", lambda: {mac})
    document = {"said": f"from {mac}", "raw": {"format": "base64", "data": "AAAAAAAAAAAAAAIAAAAAAA=="}}
    assert redact(document, known_values()) == document


def test_other_hardware_addresses_remain() -> None:
    document = {"said": "3c:5a:b4:01:9e:7e 3c5ab4019e7e 2001:db8::3e5a:b4ff:fe01:9e7e"}
    assert redact(document, known_values()) == document
