"""Test the runner: a record per target, stopping at any time, and bugs or disk errors that cost only their own."""

import asyncio
import errno
import json
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurements
from probe.control import own
from probe.privacy.contributor_token import token_of
from probe.privacy.redact import KnownIdentifiers
from probe.results import Problem, ResultsError, ResultsFile, read_lines, writing
from probe.run import measurement_writer as lines_of_a_run
from probe.run import runner, time_budget
from probe.run.learned_addresses import LearnedAddresses
from probe.run.measure import measured_nothing
from probe.run.measurement_keys import Measured
from probe.run.phases import Phase
from probe.run.run_plan import RunOutcome, RunPlan
from probe.run.vantage import Vantage
from probe.session.pacing import Pace
from probe.session.session import RunSettings, Session
from probe.session.trace import Trace, TransactionFacts
from probe.steps.tls.certificate_checks import load_roots
from probe.targets.target import NeutralHosts, Service, Target, parse_endpoint
from probe.targets.url_lists import web_target
from tests.support.dispositions import disposition

ENDPOINTS = (parse_endpoint("https://chat.example:443/"),)
START = datetime(2026, 11, 24, 13, 5, tzinfo=UTC)


def target(name: str) -> Target:
    services = {"web": Service("web", "all", ENDPOINTS)}
    return Target(name, "endpoint_reachability", name.title(), "x", date(2026, 11, 24), services, "00")


def vantage(asn: str = "AS64500", **annotations: str) -> Vantage:
    return Vantage("XX", asn, "Example", "AS0", "", "test", annotations, KnownIdentifiers(), "")


@dataclass
class SimulatedRun:
    """Replace measuring in a run. `does` is what measure() does for a target's name."""

    root: Path
    does: dict[str, Callable[[Session], Awaitable[None]]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=lambda: {"network": True, "portal": None})
    helpers: dict[str, str] = field(default_factory=dict)  # failure of a test helper's health check, by URL
    asked: list[str | None] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    finished_names: list[str] = field(default_factory=list)
    rounds: list[tuple[int, int]] = field(default_factory=list)
    phases: dict[str, Callable[[], Phase]] = field(default_factory=dict)
    settings: RunSettings = field(default_factory=RunSettings)
    opened: ResultsFile | None = None

    def prepared(self, facts: Any, where: Vantage) -> None:
        self.events.append("prepared")

    def refused(self, facts: Any, reason: str) -> None:
        self.events.append(f"refused: {reason}")

    def round_begins(self, number: int, rounds: int) -> None:
        self.rounds.append((number, rounds))

    def started(self, target: Target, phase: Callable[[], Phase]) -> None:
        self.phases[target.name] = phase

    def expected(self, seconds: float, limit: float | None) -> None:
        self.events.append(f"expected: {limit}")

    def finished(self, target: Target, documents: Any, seconds: float) -> None:
        self.finished_names += [target.name] * len(documents)

    def stopping(self, why: str) -> None:
        self.events.append(why)

    def open(self, where: Vantage) -> ResultsFile:
        self.opened = ResultsFile.in_folder(self.root, where.probe_cc, where.probe_asn, "4f2a", START, False)
        return self.opened

    async def health(self, url: str, **_: Any) -> str | None:
        return self.helpers.get(url)

    async def run(self, *names: str, repeat: int = 1) -> RunOutcome:
        return await self.go(RunPlan([target(name) for name in names], repeat))

    async def go(self, plan: RunPlan) -> RunOutcome:
        neutral = NeutralHosts(("harmless.example",), "no.invalid", ENDPOINTS, (), None, "00")
        session = Session("4f2a", self.settings, Pace(), neutral, target("resolvers"))
        return await runner.run(plan, session, load_roots(), self.open, self)


@pytest.fixture
def simulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimulatedRun:
    on = SimulatedRun(tmp_path)

    async def preflight(session: Session, roots: Any = None) -> None:
        session.preflight = on.facts

    async def where_are_we(session: Session, *, cc: Any, asn: Any, learned: str | None) -> Vantage:
        on.asked.append(learned)
        return vantage("AS64511" if learned else "AS64500")

    async def measure(wanted: Target, session: Session, *, ask_control: Any = None, **_: Any) -> Measured:
        if ask_control is not None:
            await ask_control({}, lambda offer: None)
        if does := on.does.get(wanted.name):
            await does(session)
        return measured_nothing(wanted, session)

    for name, replacement in (("preflight", preflight), ("where_are_we", where_are_we), ("measure", measure)):
        monkeypatch.setattr(runner, name, replacement)
    monkeypatch.setattr(own, "health", on.health)
    monkeypatch.setattr(runner, "may_capture", lambda: False)  # the sniffer has tests of its own
    return on


def lines(outcome: RunOutcome) -> list[dict[str, Any]]:
    assert outcome.path is not None
    found = [line for _, line in read_lines(outcome.path)]
    return [line for line in found if not isinstance(line, Problem)]


def names(outcome: RunOutcome) -> list[str]:
    return sorted(line["test_keys"]["x_target"]["name"] for line in lines(outcome))


async def until_stopped(session: Session) -> None:
    await session.stopping.wait()


async def run_forever(_: Session) -> None:
    await asyncio.sleep(3600)


async def test_every_target_has_measurement(simulated: SimulatedRun) -> None:
    outcome = await simulated.run("chat", "mail")
    assert outcome.code == 0 and names(outcome) == ["chat", "mail"]
    assert outcome.documents == []  # they are in the file, and a thousand of them would fill the memory
    line = lines(outcome)[0]
    assert (line["probe_cc"], line["probe_asn"], line["probe_ip"]) == ("XX", "AS64500", "127.0.0.1")
    assert outcome.path == simulated.root / "2026-11-24" / "XX-AS64500" / "130500-4f2a.jsonl"


async def test_repeat_option_measures_again(simulated: SimulatedRun) -> None:
    assert names(await simulated.run("chat", "mail", repeat=3)) == ["chat"] * 3 + ["mail"] * 3


async def test_targets_run_concurrently_and_are_written_at_once(simulated: SimulatedRun) -> None:
    mail_done = asyncio.Event()

    async def slow(_: Session) -> None:
        await mail_done.wait()

    async def first_line() -> None:
        while simulated.opened is None or not simulated.opened.path.read_text().count("\n"):
            await asyncio.sleep(0.01)
        mail_done.set()  # only now may the other one end

    simulated.does = {"chat": slow}
    looking = asyncio.create_task(first_line())
    await asyncio.wait_for(simulated.run("chat", "mail"), 5)
    assert looking.done()


async def test_number_of_concurrent_web_addresses_is_limited(simulated: SimulatedRun) -> None:
    under_way, most = 0, 0

    async def measuring(_: Session) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1

    urls = [f"https://site{number}.example/" for number in range(3 * runner.ADDRESSES_SIDE_BY_SIDE)]
    simulated.does = dict.fromkeys([*urls, "chat"], measuring)
    plan = RunPlan([target("chat"), *map(web_target, urls)])
    outcome = await simulated.go(plan)
    assert names(outcome) == sorted([*urls, "chat"])
    assert most <= runner.ADDRESSES_SIDE_BY_SIDE + 1
    assert [line["input"] for line in lines(outcome) if line["input"]] and outcome.code == 0


async def test_category_is_in_annotations(simulated: SimulatedRun) -> None:
    (line,) = lines(await simulated.go(RunPlan([web_target("https://news.example/", "NEWS")])))
    assert (line["annotations"]["category_code"], line["input"]) == ("NEWS", "https://news.example/")


async def test_contributor_token_is_in_annotations_if_the_plan_has_a_secret(
    simulated: SimulatedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, secret = datetime.now(UTC), bytes(32)
    monkeypatch.setattr("tests.run.test_runner.START", now)
    (line,) = lines(await simulated.go(RunPlan([target("chat")], contributor_secret=secret)))
    assert line["annotations"]["contributor_token"] == token_of(secret, now)
    (line,) = lines(await simulated.go(RunPlan([target("chat")])))
    assert "contributor_token" not in line["annotations"]
    assert repr(secret) not in repr(RunPlan([], contributor_secret=secret))


async def test_bug_in_measuring_gives_measurement_and_others_continue(simulated: SimulatedRun) -> None:
    async def broken(_: Session) -> None:
        raise ValueError("ours")

    simulated.does = {"chat": broken}
    outcome = await simulated.run("chat", "mail")
    assert outcome.code == 1 and names(outcome) == ["chat", "mail"]
    (bad,) = [line for line in lines(outcome) if line["test_keys"]["x_target"]["name"] == "chat"]
    assert bad["test_keys"]["x_bugs"][0].startswith("ValueError in ")
    assert bad["test_keys"]["tcp_connect"] == []


async def test_bug_in_writing_loses_one_measurement(simulated: SimulatedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    def redact(document: dict[str, Any], _: KnownIdentifiers) -> dict[str, Any]:
        if document["test_keys"]["x_target"]["name"] == "chat":
            raise KeyError("ours")
        return document

    monkeypatch.setattr(lines_of_a_run, "redact", redact)
    outcome = await simulated.run("chat", "mail")
    assert outcome.code == 1 and names(outcome) == ["mail"] and "KeyError" in outcome.bugs[0]


async def test_every_measurement_is_redacted(simulated: SimulatedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_of_a_run, "redact", lambda document, known: {"swept": True})
    simulated.finished = lambda *_: None  # type: ignore[method-assign]
    assert lines(await simulated.run("chat")) == [{"swept": True}]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_signal_stops_new_work_and_writes_finished_work(simulated: SimulatedRun, number: int, code: int) -> None:
    async def stopped(session: Session) -> None:
        os.kill(os.getpid(), number)
        await session.stopping.wait()

    simulated.does = {"chat": stopped, "mail": until_stopped}
    outcome = await asyncio.wait_for(simulated.run("chat", "mail", repeat=5), 5)
    assert outcome.code == code and names(outcome) == ["chat", "mail"]
    assert "again to stop at once" in simulated.events[-1] and outcome.path and outcome.path.suffix == ".jsonl"


async def test_second_signal_stops_at_once(simulated: SimulatedRun) -> None:
    async def twice(session: Session) -> None:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(0.01)

    simulated.does = {"chat": run_forever, "mail": twice}
    outcome = await asyncio.wait_for(simulated.run("chat", "mail"), 5)
    assert outcome.code == 130 and "chat" not in simulated.finished_names


async def test_grace_period_ends(simulated: SimulatedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "GRACE", 0.1)

    async def stopped(_: Session) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    simulated.does = {"chat": run_forever, "mail": stopped}
    outcome = await asyncio.wait_for(simulated.run("chat", "mail"), 5)
    assert outcome.code == 130 and names(outcome) == ["mail"]


async def test_max_time_gives_partial_run(simulated: SimulatedRun) -> None:
    simulated.settings, simulated.does = RunSettings(max_time=0.1), {"chat": until_stopped}
    outcome = await asyncio.wait_for(simulated.run("chat", repeat=9), 5)
    assert outcome.code == 5 and names(outcome) == ["chat"] and "--max-time" in simulated.events[-1]


async def test_max_time_gives_up_steps_that_take_longer(simulated: SimulatedRun) -> None:
    left = list[float | None]()

    async def until_steps_end(session: Session) -> None:  # as `measure` does
        left.append(session.seconds_left())
        await asyncio.sleep(left[-1] or 0.0)

    simulated.settings, simulated.does = RunSettings(max_time=0.3), {"chat": until_steps_end}
    outcome = await asyncio.wait_for(simulated.run("chat"), 5)  # GRACE is longer
    assert outcome.code == 5 and names(outcome) == ["chat"]
    assert left[0] is not None and 0.0 < left[0] <= 0.3


@pytest.fixture
def half_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the time limit of a run, and the time before it in which nothing new starts."""
    monkeypatch.setattr(time_budget, "STANDARD_SECONDS", 0.5)
    monkeypatch.setattr(time_budget, "LAST_START", 0.2)


async def test_time_limit_ends_run_in_order(simulated: SimulatedRun, half_a_second: None) -> None:
    simulated.does = {"chat": until_stopped}
    outcome = await asyncio.wait_for(simulated.run("chat", "mail"), 5)
    assert (outcome.code, outcome.out_of_time, sorted(names(outcome))) == (0, True, ["chat", "mail"])
    assert simulated.events[1:] == ["expected: 0.5", time_budget.TIME_IS_OVER]
    limited = {
        line["test_keys"]["x_target"]["name"]: line["test_keys"]["x_run"]["out_of_time"] for line in lines(outcome)
    }
    assert limited == {"chat": True, "mail": False}


async def test_measurements_are_written_after_the_time_limit(
    simulated: SimulatedRun, half_a_second: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Test a computer that needs longer to write than a signal leaves it."""
    monkeypatch.setattr(runner, "GRACE", 0.05)

    async def late(session: Session) -> None:
        await session.stopping.wait()
        await asyncio.sleep(0.5)

    simulated.does = {"chat": late}
    assert names(await asyncio.wait_for(simulated.run("chat"), 5)) == ["chat"]


async def test_time_limit_starts_no_further_round(simulated: SimulatedRun, half_a_second: None) -> None:
    simulated.does = {"chat": until_stopped}
    outcome = await asyncio.wait_for(simulated.run("chat", repeat=9), 9)
    assert (names(outcome), outcome.out_of_time) == (["chat"], True)


async def test_signal_while_the_time_runs_out_loses_nothing(simulated: SimulatedRun, half_a_second: None) -> None:
    async def stopped(session: Session) -> None:
        await session.stopping.wait()
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0.1)

    simulated.does = {"chat": stopped}
    outcome = await asyncio.wait_for(simulated.run("chat"), 5)
    assert outcome.code == 130 and names(outcome) == ["chat"]


async def test_complete_run_was_not_ended_by_its_limit(simulated: SimulatedRun) -> None:
    outcome = await simulated.run("chat")
    assert not outcome.out_of_time and lines(outcome)[0]["test_keys"]["x_run"]["out_of_time"] is False


@pytest.mark.parametrize("facts", [{"network": False}, {"network": True, "portal": "redirect"}])
async def test_unusable_network_gives_measurements(simulated: SimulatedRun, facts: dict[str, Any]) -> None:
    simulated.facts = facts
    outcome = await simulated.run("chat")
    assert outcome.code == 4 and facts.items() <= lines(outcome)[0]["test_keys"]["x_run"]["preflight"].items()


async def test_portal_receives_no_target_names(simulated: SimulatedRun) -> None:
    async def never(_: Session) -> None:
        raise AssertionError("measured behind a portal")

    simulated.facts, simulated.does = {"portal": "content"}, {"chat": never}
    assert (await simulated.run("chat")).bugs == []


UNFIT = {
    "vpn": {"network": True, "portal": None, "vpn": True},
    "clock": {"network": True, "portal": None, "clock_skew": -90_000.0},
    "tls_interception": {"network": True, "portal": None, "tls_interception": "all"},
}


@pytest.mark.parametrize("reason", UNFIT)
async def test_unfit_network_ends_the_run_before_any_name(simulated: SimulatedRun, reason: str) -> None:
    async def never(_: Session) -> None:
        raise AssertionError("measured on an unfit network")

    simulated.facts, simulated.does = UNFIT[reason], {"chat": never}
    outcome = await simulated.run("chat", repeat=5)
    assert outcome.code == 4 and outcome.bugs == [] and simulated.events == [f"refused: {reason}"]
    (line,) = lines(outcome)
    assert line["test_keys"]["x_transactions"] == []
    assert [record["invalid_reason"] for record in judge_measurements([("-", 1, line)])] == [reason]


@pytest.mark.parametrize("reason", UNFIT)
async def test_measure_anyway_measures_and_stays_invalid(simulated: SimulatedRun, reason: str) -> None:
    async def count(_: Session) -> None:
        measured.append(reason)

    measured: list[str] = []
    simulated.settings = RunSettings(measure_anyway=True)
    simulated.facts, simulated.does = UNFIT[reason], {"chat": count}
    outcome = await simulated.run("chat", repeat=2)
    assert outcome.code == 0 and len(measured) == 2 and simulated.events[0] == "prepared"
    records = [record for line in lines(outcome) for record in judge_measurements([("-", 1, line)])]
    assert {(record["valid"], record["invalid_reason"]) for record in records} == {(False, reason)}


@pytest.mark.parametrize("skew", [None, 86_000.0, -86_000.0])
async def test_clock_that_is_less_than_a_day_off_is_fit(simulated: SimulatedRun, skew: float | None) -> None:
    simulated.facts = {"network": True, "portal": None, "vpn": False, "tls_interception": None, "clock_skew": skew}
    assert (await simulated.run("chat")).code == 0 and simulated.events[0] == "prepared"


async def test_dead_helper_is_named_in_the_record_and_asked_no_more(
    simulated: SimulatedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(url: str, wanted: Target, addresses: Any, **_: Any) -> dict[str, Any]:
        asked.append(url)
        return {"failure": None}

    asked: list[str] = []
    monkeypatch.setattr(own, "ask", ask)
    urls = ("http://dead.example", "http://living.example")
    simulated.helpers = {"http://dead.example": "connection_refused"}
    simulated.settings = RunSettings(control=urls)
    (line,) = lines(await simulated.run("chat"))
    assert line["test_keys"]["x_run"]["preflight"]["helpers"] == ["connection_refused", None]
    assert asked == ["http://living.example"] and "dead.example" not in json.dumps(line)


async def test_full_disk_ends_run_with_message(simulated: SimulatedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    append = ResultsFile.append

    def full(self: ResultsFile, document: dict[str, Any]) -> int:
        if self.lines == 2:
            raise ResultsError("the disk is full")
        return append(self, document)

    monkeypatch.setattr(ResultsFile, "append", full)
    outcome = await simulated.run("chat", repeat=9)
    assert outcome.code == 7 and outcome.problem == "the disk is full" and len(lines(outcome)) == 2
    assert [document["test_name"] for document in outcome.documents] == ["endpoint_reachability"]
    assert outcome.unwritten == 1  # the third round is kept in memory, and the fourth is not started


async def test_full_disk_stops_no_measurement_that_has_begun(
    simulated: SimulatedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = asyncio.Event()

    def full(self: ResultsFile, document: dict[str, Any]) -> int:
        loop.call_soon_threadsafe(refused.set)
        raise OSError(errno.ENOSPC, "No space left on device")

    async def slow(session: Session) -> None:
        await refused.wait()
        await asyncio.sleep(0.05)
        interrupted.append(session.stopping.is_set())

    interrupted: list[bool] = []
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(writing, "_write_whole", full)
    simulated.does = {"mail": slow}
    outcome = await asyncio.wait_for(simulated.run("chat", "mail"), 5)
    assert interrupted == [False] and outcome.unwritten == 2 and outcome.path is None and outcome.code == 7
    assert {line["test_keys"]["x_target"]["name"] for line in outcome.documents} == {"chat", "mail"}
    assert [path for path in simulated.root.rglob("*") if path.is_file()] == []


async def test_hang_up_ends_run_as_sigterm_does(simulated: SimulatedRun) -> None:
    async def hung_up(session: Session) -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        await session.stopping.wait()
        os.kill(os.getpid(), signal.SIGHUP)  # as a shell repeats it for its jobs
        await asyncio.sleep(0.05)

    simulated.does = {"chat": hung_up}
    with disposition(signal.SIGHUP):
        outcome = await asyncio.wait_for(simulated.run("chat", "mail", repeat=3), 5)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_DFL
    assert outcome.code == 143 and names(outcome) == ["chat", "mail"]


async def test_hang_up_that_nohup_ignores_stays_ignored(simulated: SimulatedRun) -> None:
    async def hung_up(_: Session) -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.05)

    with disposition(signal.SIGHUP, signal.SIG_IGN):
        simulated.does = {"chat": hung_up}
        outcome = await asyncio.wait_for(simulated.run("chat", repeat=2), 5)
        assert outcome.code == 0 and names(outcome) == ["chat"] * 2
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


async def test_every_round_is_announced_before_its_targets(simulated: SimulatedRun) -> None:
    seen: list[int] = []

    async def look(session: Session) -> None:
        seen.append(len(simulated.rounds))

    simulated.does["chat"] = look
    await simulated.run("chat", repeat=2)
    assert (simulated.rounds, seen) == ([(1, 2), (2, 2)], [1, 2])


async def test_phase_of_a_target_comes_from_its_trace(simulated: SimulatedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Phase] = []

    async def measure(wanted: Target, session: Session, *, tracing: Callable[[Trace], None], **_: Any) -> Measured:
        trace = Trace()
        tracing(trace)
        for kind in ("lookup", "first", "followup"):
            async with trace.transaction(TransactionFacts(kind=kind)):
                await asyncio.sleep(0.001)
                seen.append(simulated.phases["chat"]())
        seen.append(simulated.phases["chat"]())
        return measured_nothing(wanted, session)

    monkeypatch.setattr(runner, "measure", measure)
    await simulated.run("chat")
    assert seen == ["names", "connections", "closer_look", "late_answers"]


async def test_screen_that_cannot_be_written_costs_no_measurement(
    simulated: SimulatedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    for name in ("prepared", "round_begins", "started", "finished"):
        monkeypatch.setattr(simulated, name, closed)
    outcome = await simulated.run("chat", "mail")
    assert outcome.code == 0 and names(outcome) == ["chat", "mail"]


async def test_address_from_helper_locates_probe_and_is_redacted(
    simulated: SimulatedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(url: str, wanted: Target, addresses: Any, *, learned: Any, **_: Any) -> dict[str, Any]:
        learned("93.184.216.77")
        return {"failure": None}

    monkeypatch.setattr(own, "ask", ask)
    simulated.settings = RunSettings(control=("http://helper.example",))
    outcome = await simulated.run("chat")
    assert simulated.asked == [None, None, "93.184.216.77"]  # for hosts at home, before and after the control
    assert lines(outcome)[0]["probe_asn"] == "AS64511" and "93.184.216.77" not in json.dumps(lines(outcome))


async def test_addresses_of_both_families_from_helper_are_redacted(
    simulated: SimulatedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(url: str, wanted: Target, addresses: Any, *, learned: Any, **_: Any) -> dict[str, Any]:
        learned("93.184.216.77")
        learned("2a09:1234:5678:9abc::77")
        return {"failure": None}

    monkeypatch.setattr(own, "ask", ask)
    preflight_texts = {"failure": "you are 93.184.216.77 and 2a09:1234:5678:9abc::77", "trusted_by_machine": None}
    simulated.facts = {**simulated.facts, "neutral": [{"endpoint": "", "address": "", "family": 4, **preflight_texts}]}
    simulated.settings = RunSettings(control=("http://helper.example",))
    written = json.dumps(lines(await simulated.run("chat")))
    assert "93.184.216.77" not in written and "5678:9abc::77" not in written
    assert written.count("[scrubbed]") == 2


async def test_every_repeat_has_its_own_trigger_budget(simulated: SimulatedRun) -> None:
    async def spend(session: Session) -> None:
        left.append(session.pace.can_trigger("chat.example", "93.184.216.34", "tcp"))
        for _ in range(6):
            session.pace.spend_trigger("chat.example", "93.184.216.34", "tcp", 443)
        residual.append(session.pace.in_residual("93.184.216.34", 443))

    left: list[bool] = []
    residual: list[bool] = []
    simulated.does = {"chat": spend}
    assert (await simulated.run("chat", repeat=2)).bugs == []
    assert left == [True, True] and residual == [True, True]


async def test_first_vantage_point_is_kept_if_second_search_fails() -> None:
    """Check that known addresses are still redacted if no descriptor is left to read them again."""
    locations: list[Any] = [vantage("AS64500"), OSError("too many open files"), vantage("AS64511")]
    locations[0] = replace(locations[0], known=KnownIdentifiers.of(["198.51.100.7"]))

    async def locate(learned: str | None) -> Vantage:
        found = locations.pop(0)
        if isinstance(found, OSError):
            raise found
        return found

    learned = LearnedAddresses()
    lines_of_it = lines_of_a_run.MeasurementWriter(lambda where: None, locate, learned)  # type: ignore[arg-type, return-value]
    assert (await lines_of_it.vantage()).probe_asn == "AS64500"
    learned.add("93.184.216.9")
    assert (await lines_of_it.vantage()).probe_asn == "AS64500"
    later = await lines_of_it.vantage()
    assert later.probe_asn == "AS64511"
    assert "198.51.100.7" in later.known.addresses


async def test_target_with_several_inputs_has_measurement_per_service(simulated: SimulatedRun) -> None:
    udp = parse_endpoint("stun://a.example:3478;transport=udp", ooni=True)
    services = {role: Service(role, "all", (replace(udp, host=f"{role}.example"),)) for role in ("a", "b")}
    stun = replace(target("stun"), nettest="stunreachability", services=services)
    session = Session(
        "4f2a", simulated.settings, Pace(), NeutralHosts(("x",), "y", ENDPOINTS, (), None, "00"), target("r")
    )
    outcome = await runner.run(RunPlan([stun, target("chat")], 1), session, load_roots(), simulated.open, simulated)
    found = {line["input"]: list(line["test_keys"]["x_target"]["services"]) for line in lines(outcome)}
    assert found == {"stun://a.example:3478": ["a"], "stun://b.example:3478": ["b"], None: ["web"]}
    assert sorted(simulated.finished_names) == ["chat", "stun", "stun"]
