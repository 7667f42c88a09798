"""Test whole commands in simulations of macOS, Windows and Termux (tests/support/systems), where calls are missing.

A verdict there is the same as on Linux or weaker. It never accuses where Linux does not.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from probe.formats.facts import Abilities
from probe.lab.scenario.expectations import expectation_for
from probe.lab.scenario.scenario import find_scenario, load_scenario

ROOT = Path(__file__).parents[2]
SYSTEMS = ("darwin", "win32", "termux")
ACCUSING = {"blocked", "likely_blocked", "degraded"}
MISSING = {
    "darwin": {"icmp_errors", "received_ttl", "tcp_state", "raw_packets"},
    "win32": {"icmp_errors", "received_ttl", "tcp_state", "raw_packets", "interface_names", "gateways"},
    "termux": {"raw_packets", "resolver_list", "gateways"},
}
CENSORED = ("telegram", "whatsapp", "stun", "wechat")  # what is measured in the other scenario
LONGEST = 280  # seconds for the commands of one lab


@dataclass(frozen=True)
class Commands:
    """Hold what the commands printed, and the measurements of the run."""

    codes: dict[str, int]
    printed: dict[str, str]
    errors: str
    measurements: list[dict[str, Any]]

    def records(self) -> dict[str, dict[str, Any]]:
        found = map(json.loads, self.printed["run"].splitlines())
        return {record["service"]: record for record in found}


def start(system: str, *words: str) -> list[str]:
    return [sys.executable, "-m", "tests.support.systems", system, *words]


def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PROBE_", "XDG_"))}
    return kept | {"PYTHONPATH": str(ROOT), "HOME": str(home), "PROBE_TRACEBACK": "1"}


def script(system: str, folder: Path, commands: dict[str, list[str]]) -> str:
    """Return a shell script that runs the commands and keeps the output and the exit code of each."""
    lines = [
        f"{shlex.join(start(system, *words))} > {folder}/{name}.out; echo $? > {folder}/{name}.code; "
        f"cp -r {folder}/results {folder}/kept 2>/dev/null"
        for name, words in commands.items()
    ]
    return "\n".join([*lines, "true"])


@pytest.fixture(scope="module")
def in_lab(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Commands]:
    """Return a function that runs the commands of a user in a scenario, once for each system."""
    done: dict[tuple[str, str], Commands] = {}

    def run(system: str, scenario: str) -> Commands:
        if (system, scenario) not in done:
            done[system, scenario] = commands_in(system, scenario, tmp_path_factory.mktemp(f"{system}-{scenario}"))
        return done[system, scenario]

    return run


def commands_in(system: str, scenario: str, folder: Path) -> Commands:
    results = ["--results", str(folder / "results")]
    commands = {
        "doctor": ["doctor", "--json"],
        "run": ["run", *results, "--json"],
        "list": ["list", *results],
        "show": ["show", "last", *results],
        "wipe": ["wipe", "--yes", *results],
    }
    if scenario != "clean":
        commands = {"run": ["run", *CENSORED, *results, "--json"]}
    lab = [sys.executable, "-m", "probe", "lab", "run", scenario, "--", "sh", "-c", script(system, folder, commands)]
    done = subprocess.run(lab, cwd=ROOT, env=environment(folder), capture_output=True, text=True, timeout=LONGEST)
    assert done.returncode == 0, done.stderr
    files = sorted((folder / "kept").rglob("*.jsonl"))
    return Commands(
        {name: int((folder / f"{name}.code").read_text()) for name in commands},
        {name: (folder / f"{name}.out").read_text() for name in commands},
        done.stderr,
        [json.loads(line) for file in files[:1] for line in file.read_text().splitlines()],
    )


@pytest.mark.lab
@pytest.mark.timeout(LONGEST + 20)
@pytest.mark.parametrize("system", SYSTEMS)
class TestInTheLab:
    """Test the commands of one system inside the lab."""

    def test_every_command_ends_well(self, system: str, in_lab: Callable[[str, str], Commands]) -> None:
        got = in_lab(system, "clean")
        assert got.codes == dict.fromkeys(got.codes, 0), got.errors
        assert "Traceback" not in got.errors and "bug in probe" not in got.errors
        assert len(got.printed["list"].splitlines()) >= 1 and re.search(r"[89] of 9 apps work\b", got.printed["show"])
        assert ".jsonl" in got.printed["wipe"] or "removed" in got.printed["wipe"].lower()

    def test_doctor_says_that_names_resolve(self, system: str, in_lab: Callable[[str, str], Commands]) -> None:
        found = in_lab(system, "clean").printed["doctor"]
        assert "do not resolve" not in found

    def test_missing_abilities_are_in_every_measurement(
        self, system: str, in_lab: Callable[[str, str], Commands]
    ) -> None:
        measurements = in_lab(system, "clean").measurements
        assert measurements
        for measurement in measurements:
            found = measurement["test_keys"]["x_run"]["abilities"]
            assert set(found) == set(Abilities.model_fields)
            assert MISSING[system] <= {name for name, has in found.items() if not has}
            assert measurement["annotations"]["platform"] == {"darwin": "macos", "win32": "windows"}.get(
                system, "android"
            )
            assert not measurement["test_keys"]["x_bugs"]

    def test_nothing_is_accused_on_a_free_network(self, system: str, in_lab: Callable[[str, str], Commands]) -> None:
        states = [record["state"] for record in in_lab(system, "clean").records().values()]
        assert len(states) >= 50 and not ACCUSING & set(states)
        assert states.count("ok") > len(states) / 2

    def test_censored_network_gives_equal_or_weaker_verdicts(
        self, system: str, in_lab: Callable[[str, str], Commands]
    ) -> None:
        got, expect = in_lab(system, "great-firewall"), load_scenario(find_scenario("great-firewall")).expect
        assert got.codes["run"] == 0, got.errors
        records = got.records()
        assert {service.partition("/")[0] for service in records} == set(CENSORED)
        for service, record in records.items():
            expected = expectation_for(service, expect)
            assert expected is not None and expected.state is not None
            wanted = {expected.state} if isinstance(expected.state, str) else set(expected.state)
            assert_no_stronger(service, wanted, record["state"])
        assert any(record["state"] in ACCUSING for record in records.values())


def assert_no_stronger(service: str, wanted: set[str], found: str) -> None:
    if not wanted & ACCUSING:
        assert found not in ACCUSING, f"{service}: {found} instead of {wanted}"
    if wanted == {"blocked"}:
        assert found != "ok", f"{service} is called ok"


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_helper_starts_answers_and_stops(system: str, number: int, code: int, tmp_path: Path) -> None:
    process = subprocess.Popen(
        start(system, "helper", "--listen", "127.0.0.1:0", "--lab"),
        cwd=ROOT,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        assert process.stdout is not None
        (url,) = re.findall(r"^listening on (http://\S+)$", process.stdout.readline())
        with urllib.request.urlopen(f"{url}/health", timeout=20) as answer:
            assert json.loads(answer.read()) == {"status": "ok"}
        process.send_signal(number)
        assert process.wait(30) == code
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize(
    "words",
    [
        ["--version"],
        ["list"],
        ["targets", "list"],
        ["rules"],
        ["lab", "list"],
        ["wipe", "--yes"],
        ["doctor", "--help"],
    ],
)
def test_commands_without_network_end_well(system: str, words: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        start(system, *words), cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "package"),
    [
        (["ingest", "results.jsonl", "--store", "store"], "duckdb"),
        (["sql", "SELECT 1", "--store", "store"], "duckdb"),
        (["validate", "results.jsonl"], "jsonschema-rs"),
    ],
)
def test_command_that_needs_a_missing_package_names_it(words: list[str], package: str, tmp_path: Path) -> None:
    """Check Termux, for which several packages have no wheel."""
    (tmp_path / "results.jsonl").write_text("{}\n")
    (tmp_path / "store").mkdir()
    done = subprocess.run(
        start("termux", *words), cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2, done.stderr
    assert (
        package in "".join(done.stderr.split())
        and "censorprobe[" not in done.stderr
        and "bug in probe" not in done.stderr
    )
