"""Test `probe queue`: what is listed, sent later, and dropped."""

import json
import os
import sqlite3
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
import typer

from probe.cli.screen import UsageError
from probe.cli.sharing.queue import drop, list_entries, send
from probe.cli.sharing.submit import submit
from probe.ooni.submission import batch_sending
from probe.ooni.submission.queue_file import QUEUE, open_queue
from tests.ooni.submission.runs import RUN, write
from tests.support.ooni.collector import Collector, Fault, serving
from tests.support.servers.relaying_proxy import RelayingProxy, proxying


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    monkeypatch.setattr(batch_sending, "BETWEEN_TRIES", 0.01)
    with serving(Collector()) as collector:
        yield collector


@pytest.fixture
def root(tmp_path: Path, server: Collector, capsys: pytest.CaptureFixture[str]) -> Path:
    """Return a results folder whose run waits in the queue."""
    write(tmp_path / "r" / RUN, 3)
    submit(results=tmp_path / "r", server=server.address, yes=True, later=True)
    capsys.readouterr()
    return tmp_path / "r"


def states(root: Path) -> list[str]:
    with open_queue(root) as queue:
        return [entry.state for entry in queue.entries()]


def test_waiting_measurements_are_listed_in_order(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    list_entries(results=root)
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [f"    {n}  {RUN}:{n}  telegram  waiting" for n in (1, 2, 3)]
    assert printed.err == "waiting: 3\n"


def test_list_of_sent_ones_has_the_ids(root: Path, server: Collector, capsys: pytest.CaptureFixture[str]) -> None:
    send(results=root)
    capsys.readouterr()
    list_entries(results=root)
    assert capsys.readouterr().out == ""
    list_entries(results=root, sent=True, json=True)
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["measurement_uid"] for one in found] == server.uids
    assert {one["run"] for one in found} == {RUN} and all("_telegram_IT_30722_" in one["report_id"] for one in found)


def test_empty_queue_is_said_and_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    list_entries(results=tmp_path)
    send(results=tmp_path)
    assert capsys.readouterr().err == "The queue is empty.\n" * 2 and list(tmp_path.iterdir()) == []


def test_run_is_sent_later_without_a_question(root: Path, server: Collector) -> None:
    assert not server.requests
    send(results=root)
    assert states(root) == ["sent"] * 3 and set(server.stored.values()) == {1}


def test_timer_leaves_a_server_alone_for_a_while(
    root: Path, server: Collector, capsys: pytest.CaptureFixture[str]
) -> None:
    server.faults = [Fault.HTTP_500] * batch_sending.TRIES
    with pytest.raises(typer.Exit):
        send(results=root)
    asked = len(server.requests)
    with pytest.raises(typer.Exit) as ended:
        send(results=root, due=True)
    assert ended.value.exit_code == 4 and len(server.requests) == asked
    assert f"{server.address} is tried again after 20" in capsys.readouterr().err
    send(results=root)
    assert states(root) == ["sent"] * 3


def test_uncertain_ones_are_sent_again_only_on_request(
    root: Path, server: Collector, capsys: pytest.CaptureFixture[str]
) -> None:
    server.faults = [Fault.CUT_AFTER]
    with pytest.raises(typer.Exit):
        send(results=root)
    send(results=root)
    list_entries(results=root)
    printed = capsys.readouterr()
    assert "uncertain" in printed.out and "They may then be public twice" in " ".join(printed.err.split())
    assert sorted(server.stored.values()) == [1, 1, 1]
    send(results=root, uncertain=True)
    assert sorted(server.stored.values()) == [1, 1, 2] and states(root) == ["sent"] * 3


def test_refused_ones_give_their_own_exit_code(
    root: Path, server: Collector, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(batch_sending, "submit_body", lambda line: b'{"format": "json"}')
    with pytest.raises(typer.Exit) as ended:
        send(results=root)
    printed = capsys.readouterr()
    assert ended.value.exit_code == 6 and printed.out == "refused by the server: 3\n"
    assert "http 422 body.content Field required" in printed.err and states(root) == ["refused"] * 3


def test_chosen_ones_are_dropped(root: Path, server: Collector, capsys: pytest.CaptureFixture[str]) -> None:
    drop([2], results=root)
    assert capsys.readouterr().out == "1 measurement was removed from the queue.\n"
    send(results=root)
    assert [one["test_keys"]["number"] for one in server.order] == [1, 3]
    with pytest.raises(UsageError, match="not in the queue, or were sent") as refused:
        drop([1, 99], results=root)
    assert refused.value.exit_code == 6 and states(root) == ["sent", "sent"]


def test_everything_is_dropped_on_request(root: Path, server: Collector, capsys: pytest.CaptureFixture[str]) -> None:
    drop(all=True, results=root)
    assert capsys.readouterr().out == "3 measurements were removed from the queue.\n" and states(root) == []
    send(results=root)
    assert not server.requests


@pytest.mark.parametrize(("numbers", "everything"), [(None, False), ([], False), ([1], True)])
def test_it_must_be_clear_what_is_dropped(numbers: list[int] | None, everything: bool, root: Path) -> None:
    with pytest.raises(UsageError, match="Name the numbers"):
        drop(numbers, all=everything, results=root)
    assert states(root) == ["waiting"] * 3


def test_command_sends_through_the_proxy_of_the_settings_file(root: Path, server: Collector, tmp_path: Path) -> None:
    folder = tmp_path / "config" / "censorprobe"
    folder.mkdir(parents=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PROBE_")}
    with proxying(RelayingProxy(int(server.address.rpartition(":")[2]))) as proxy:
        settings = {"results": str(root), "proxy": f"http://127.0.0.1:{proxy.port}"}
        text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
        (folder / "config.toml").write_text(text)
        done = subprocess.run(
            [sys.executable, "-m", "probe", "queue", "send"],
            env=environment | {"XDG_CONFIG_HOME": str(tmp_path / "config")},
            capture_output=True,
            text=True,
            timeout=100,
        )
    assert (done.returncode, done.stdout) == (0, "sent: 3\n"), done.stderr
    assert {kind for kind, _, _ in proxy.asked} == {"POST"} and states(root) == ["sent"] * 3


def tampered(root: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(root / QUEUE)) as database, database:
        database.execute(statement, values)


BOMB = zlib.compress(bytes(100_000_000), 9)
TAMPERED: dict[str, tuple[str, object]] = {
    "unknown state": ("state = ?", "published"),
    "state of another type": ("state = ?", b"waiting"),
    "unknown protocol": ("protocol = ?", "smtp"),
    "line of another type": ("line = ?", "first"),
    "no zlib": ("packed = ?", b"no zlib"),
    "half written": ("packed = substr(packed, 1, ?)", 40),
    "no content": ("packed = ?", None),
    "content of another type": ("packed = ?", "text"),
    "content that grows": ("packed = ?", BOMB),
    "content of another digest": ("packed = ?", zlib.compress(b'{"test_keys": {}}\n')),
    "digest of another content": ("sha256 = ?", "0" * 64),
    "report of another type": ("report_id = ?", b"\xff"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_tampered_entry_is_refused_and_the_others_are_sent(
    name: str, root: Path, server: Collector, capsys: pytest.CaptureFixture[str]
) -> None:
    change, value = TAMPERED[name]
    tampered(root, f"UPDATE measurement SET {change} WHERE id = 2", value)
    tracemalloc.start()
    with suppress(typer.Exit):
        send(results=root)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert states(root) == ["sent", "refused", "sent"]
    assert peak < 80_000_000
    list_entries(results=root)
    printed = capsys.readouterr()
    assert "damaged or was changed" in printed.out and "bug" not in printed.err


def test_nothing_is_sent_to_another_server_without_tls(
    root: Path, server: Collector, capsys: pytest.CaptureFixture[str]
) -> None:
    tampered(root, "UPDATE measurement SET server = ? WHERE id = 1", "http://collector.invalid")
    with suppress(typer.Exit):
        send(results=root)
    assert states(root) == ["refused", "sent", "sent"]
    list_entries(results=root)
    printed = capsys.readouterr()
    assert "address of the server in the queue cannot be used" in printed.out and "bug" not in printed.err
