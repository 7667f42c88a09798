"""Test `probe submit`: what is shown, the question, what is refused, and what is sent."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.cells import cell_len

from probe.cli.screen import UsageError
from probe.cli.server_addresses import proxy_address, server_address
from probe.cli.sharing.submit import submit
from probe.ooni.submission import batch_sending
from probe.ooni.submission.outcomes import Protocol
from probe.ooni.submission.queue_file import has_queue, open_queue
from tests.cli.run.test_consent import typing
from tests.ooni.submission.runs import RUN, content_key, public_line, write
from tests.sharing.shared_runs import write_run
from tests.support.ooni.collector import Collector, Fault, serving


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    monkeypatch.setattr(batch_sending, "BETWEEN_TRIES", 0.01)
    with serving(Collector()) as collector:
        yield collector


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path / "r" / RUN, 3)
    return tmp_path / "r"


def entries(root: Path) -> list[tuple[str, str]]:
    with open_queue(root) as queue:
        return [(entry.run, entry.state) for entry in queue.entries()]


def publish(root: Path, server: Collector, *words: str, **more: Any) -> None:
    submit(*words, results=root, server=server.address, yes=True, **more)


@pytest.mark.parametrize("protocol", list(Protocol))
def test_last_run_is_sent_and_not_changed(
    protocol: Protocol, root: Path, server: Collector, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (root / RUN).read_bytes()
    publish(root, server, protocol=protocol)
    assert (root / RUN).read_bytes() == before
    assert list(server.stored) == list(map(content_key, before.splitlines())) and set(server.stored.values()) == {1}
    assert entries(root) == [(RUN, "sent")] * 3
    printed = capsys.readouterr()
    assert printed.out == "sent: 3\n" and all(uid in printed.err for uid in server.uids)


def test_user_reads_what_becomes_public_in_80_columns(
    root: Path, server: Collector, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(root, server, later=True)
    shown = capsys.readouterr().err
    words = " ".join(shown.split())
    assert max(map(cell_len, shown.splitlines()[1:-1])) <= 80
    for fact in (
        "3 measurements become public with everything in this table. You cannot remove them later.",
        f"They go to {server.address}.",
        "This server sees your IP address",
        "Your network operator can see that you contact this server.",
        "can lead to you if few people there measure",
        "IT AS30722",
        "2026-11-24",
    ):
        assert fact in words
    assert not server.requests and entries(root) == [(RUN, "waiting")] * 3


@pytest.mark.parametrize("typed", ["\n", "no\n", "", "yess\n"])
def test_nothing_leaves_without_a_yes(
    typed: str, root: Path, server: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    typing(monkeypatch, typed)
    with pytest.raises(UsageError, match="Nothing was sent, since you did not agree"):
        submit(results=root, server=server.address)
    assert not server.requests and not has_queue(root)


def test_yes_is_asked_for_each_run(root: Path, server: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    typing(monkeypatch, "yes\n")
    submit(results=root, server=server.address)
    other = write(root / RUN.replace("130500", "140000"), 1, test_name="signal")
    with pytest.raises(UsageError, match="did not agree"):
        submit(str(other), results=root, server=server.address)
    assert len(server.stored) == 3


def test_script_without_a_terminal_must_agree_with_an_option(root: Path, server: Collector) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "probe", "submit", "--results", str(root), "--server", server.address],
        env={name: value for name, value in os.environ.items() if not name.startswith("PROBE_")} | {"PROBE_YES": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 2 and "Agree with --yes" in done.stderr and not server.requests


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"annotations": {"lab": "clean"}}, "artificial data say nothing about a real network"),
        ({"annotations": {"synthetic": "world"}}, "artificial data say nothing about a real network"),
        ({"probe_asn": "AS0"}, "network or country is unknown or withheld"),
        ({"probe_cc": "ZZ"}, "network or country is unknown or withheld"),
        ({"probe_asn": "AS64500"}, "belongs to no public network"),
    ],
)
def test_run_of_no_public_network_is_refused(
    changed: dict[str, Any], reason: str, root: Path, server: Collector, capsys: pytest.CaptureFixture[str]
) -> None:
    write(root / RUN, 2, **changed)
    with pytest.raises(UsageError, match="no measurement that can be sent") as refused:
        publish(root, server)
    assert refused.value.exit_code == 6 and not server.requests and not has_queue(root)
    shown = " ".join(capsys.readouterr().err.split())
    assert "2 measurements are not sent, because " in shown and f"{reason} (lines 1, 2)." in shown


def test_one_line_of_no_public_network_stays_here(
    root: Path, server: Collector, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(root / RUN, public_line(), public_line(probe_asn="AS0"), public_line(annotations={"lab": "clean"}))
    publish(root, server)
    assert len(server.stored) == 1
    shown = " ".join(capsys.readouterr().err.split())
    assert "1 measurement is not sent, because the network or country is unknown or withheld (line 2)." in shown
    assert "1 measurement is not sent, because artificial data say nothing about a real network (line 3)." in shown


def test_address_of_this_computer_stops_everything(
    root: Path, server: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "elisabeths-laptop")
    write(root / RUN, 2, annotations={"note": "on elisabeths-laptop"})
    with pytest.raises(UsageError, match="Line 1 contains an address"):
        publish(root, server)
    assert not server.requests and not has_queue(root)


def test_lines_of_other_programs_are_refused(root: Path, server: Collector) -> None:
    write(root / RUN, 1, software_name="ooniprobe-cli")
    with pytest.raises(UsageError, match="written by another program"):
        publish(root, server)
    assert not server.requests


def test_run_is_not_sent_twice(root: Path, server: Collector, capsys: pytest.CaptureFixture[str]) -> None:
    publish(root, server)
    capsys.readouterr()
    publish(root, server, protocol=Protocol.COLLECTOR)
    printed = capsys.readouterr()
    assert "3 measurements were in the queue already, or were sent before." in " ".join(printed.err.split())
    assert printed.out == "Nothing was sent.\n" and set(server.stored.values()) == {1}


def test_unreachable_server_leaves_the_run_in_the_queue(
    root: Path, server: Collector, capsys: pytest.CaptureFixture[str]
) -> None:
    server.faults = [Fault.HTTP_503] * batch_sending.TRIES
    with pytest.raises(typer.Exit) as ended:
        publish(root, server)
    assert ended.value.exit_code == 4 and entries(root) == [(RUN, "waiting")] * 3
    assert "did not take everything: http 503 out of order. `probe queue send` tries again." in " ".join(
        capsys.readouterr().err.split()
    )


def test_lost_answer_is_explained(root: Path, server: Collector, capsys: pytest.CaptureFixture[str]) -> None:
    server.faults = [Fault.CUT_AFTER]
    with pytest.raises(typer.Exit) as ended:
        publish(root, server)
    printed = capsys.readouterr()
    assert ended.value.exit_code == 4 and printed.out == "uncertain: 1\n"
    assert "It is not known whether the server has the uncertain measurements." in " ".join(printed.err.split())


@pytest.mark.parametrize("source", ["9", "nowhere.jsonl"])
def test_missing_run_is_refused(source: str, root: Path, server: Collector) -> None:
    with pytest.raises(UsageError, match=r"no run 9|no results file"):
        publish(root, server, source)
    assert not server.requests


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example",
        "http://127.0.0.1.example",
        "https://",
        "ftp://x",
        "api.example",
        "https://a/?b",
        "https://u@a",
        "https://a b",
    ],
)
def test_server_without_tls_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="Use the form https://HOST/"):
        server_address(url)


@pytest.mark.parametrize("url", ["https://a.example", "http://127.0.0.1:80", "http://[::1]:80/", "http://localhost:80"])
def test_server_is_accepted(url: str) -> None:
    assert server_address(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "tor",
        "localhost:8118",
        "ftp://a:1",
        "http://",
        "http://a:0",
        "http://a:99999",
        "http://a",
        "socks5://a",
        "socks4://a:1",
    ],
)
def test_unusable_proxy_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="--proxy"):
        proxy_address(url)


def test_damaged_queue_is_named(root: Path, server: Collector) -> None:
    (root / "submissions.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(UsageError, match=r"The queue .*submissions\.sqlite cannot be used") as refused:
        publish(root, server)
    assert refused.value.exit_code == 7 and not server.requests
