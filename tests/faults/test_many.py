"""Test a run of ten thousand endpoints: it ends, and its time grows linearly with their number."""

import resource
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from probe.privacy.redact import KnownIdentifiers
from probe.results import Problem, ResultsFile, read_lines
from probe.run import runner
from probe.run.run_plan import RunOutcome, RunPlan
from probe.run.vantage import Vantage
from probe.session.pacing import Pace
from probe.session.session import RunSettings, Session
from probe.steps.tls.certificate_checks import load_roots
from probe.targets.target import NeutralHosts, Target
from probe.targets.target_files import load_target
from tests.support.servers.loopback import Peer, serving

TARGETS, ENDPOINTS = 1000, 10  # ten endpoints for each target
MOST_SECONDS = 150.0  # of work of this process, which takes 45 to 70
LONGEST = 280.0  # seconds of a run, instead of the time of a standard run
MOST_GROWTH = 400 << 10
"""kB of resident memory. The run keeps measurements up to their verdicts, about 260 kB for a target."""


def write_targets(folder: Path, many: int, port: int) -> list[Target]:
    """Write target files whose endpoints have their own loopback addresses. Half of the ports are closed."""
    for number in range(many):
        urls = [
            f"tcp://127.{1 + number // 250}.{number % 250}.{n + 1}:{port if n % 2 else 1}" for n in range(ENDPOINTS)
        ]
        (folder / f"target{number}.toml").write_text(
            f'nettest = "endpoint_reachability"\ntitle = "T{number}"\nsource = "https://source.example/"\n'
            f"reviewed = 2026-11-24\n[services.all]\nendpoints = {urls}\n"
        )
    return [load_target(path) for path in sorted(folder.glob("*.toml"))]


class Watch:
    def prepared(self, facts: Any, where: Vantage) -> None: ...
    def expected(self, seconds: float, limit: float | None) -> None: ...
    def round_begins(self, number: int, rounds: int) -> None: ...
    def started(self, target: Target, phase: Any) -> None: ...
    def finished(self, target: Target, documents: Any, seconds: float) -> None: ...
    def stopping(self, why: str) -> None: ...


class Patient(Pace):
    """Wait for a connect as long as a machine with other work may need."""

    def tcp_timeout(self, *, confirm: bool = False) -> float:
        return 120.0


async def run(targets: list[Target], folder: Path) -> RunOutcome:
    neutral = NeutralHosts((), "no.invalid", (), (), None, "00")
    resolvers = Target("resolvers", "dnscheck", "", "", targets[0].reviewed, {}, "")
    session = Session("many", RunSettings(max_time=LONGEST), Patient(), neutral, resolvers)

    def open_results(where: Vantage) -> ResultsFile:
        return ResultsFile.in_folder(folder, where.probe_cc, where.probe_asn, "many", datetime.now(UTC), False)

    return await runner.run(RunPlan(targets), session, load_roots(), open_results, Watch())


@pytest.fixture(autouse=True)
def no_preflight(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    async def preflight(session: Session, roots: Any = None) -> None:
        session.preflight = {"network": True, "portal": None}

    async def where_are_we(session: Session, **_: Any) -> Vantage:
        return Vantage("XX", "AS64500", "Example", "AS0", "", "test", {}, KnownIdentifiers(), "")

    monkeypatch.setattr(runner, "preflight", preflight)
    monkeypatch.setattr(runner, "where_are_we", where_are_we)
    monkeypatch.setattr(runner, "may_capture", lambda: False)
    for place in ("probe.resolution.lookup", "probe.run.measure"):
        monkeypatch.setattr(f"{place}.is_bogon", lambda address: False)
    # A thousand targets with closed ports would rest for longer than a run lasts.
    monkeypatch.setattr("probe.connectivity.ban_checks.BAN_REST", 0.0)
    yield


async def close(peer: Peer) -> None:
    await peer.reader.read()


@pytest.mark.timeout(400)
async def test_run_with_ten_thousand_endpoints_ends_in_linear_time(tmp_path: Path) -> None:
    seconds = {}
    async with serving(close, "0.0.0.0") as server:
        for many in (TARGETS // 10, TARGETS):
            (folder := tmp_path / str(many)).mkdir()
            targets = write_targets(folder, many, server.port)
            before, began = resource.getrusage(resource.RUSAGE_SELF), time.process_time()
            outcome = await run(targets, folder)
            seconds[many] = time.process_time() - began
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before.ru_maxrss
            assert outcome.code == 0 and outcome.bugs == []
            assert_measured(outcome, many)

    assert seconds[TARGETS] < MOST_SECONDS
    assert seconds[TARGETS] < 20 * seconds[TARGETS // 10]
    assert grown < MOST_GROWTH


def assert_measured(outcome: RunOutcome, many: int) -> None:
    assert outcome.path is not None
    lines = [line for _, line in read_lines(outcome.path)]
    assert len(lines) == many and not any(isinstance(line, Problem) for line in lines)
    endpoints: set[str] = set()
    for line in lines:
        assert not isinstance(line, Problem)
        for record in line["test_keys"]["x_transactions"]:
            endpoints.add(record["endpoint"])
            expected = "connection_refused" if record["endpoint"].endswith(":1") else None
            assert record["kind"] == "followup" or record["failure"] == expected, record  # one searches the path
    assert len(endpoints) == many * ENDPOINTS
