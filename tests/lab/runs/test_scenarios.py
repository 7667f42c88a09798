"""Test every scenario in the lab: its verdicts are as expected, and ok without interference.

The tests need namespaces. On a machine without them they fail and are not skipped.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from probe.cli.run.consent import VERSION
from probe.lab.censors.dns_censors import FOREIGN, FOREIGN_V6
from probe.lab.net.fabric import FabricConfig
from probe.lab.run import Finished, run_command, run_scenario, table
from probe.lab.scenario.bundled_scenarios import scenario_names
from probe.lab.scenario.scenario import find_scenario, load_scenario
from probe.lab.scenario.scenario_keys import Page
from probe.lab.tls_library import has_short_hello
from probe.session.pacing import TRIGGERS_DEEP, TRIGGERS_STANDARD
from probe.targets.target import is_address
from probe.targets.target_files import bundled_targets, pick_targets, target_names
from probe.targets.url_lists import web_endpoint
from tests.support.lab import evidence
from tests.support.lab.on_the_wire import Wire
from tests.support.lab_runs.side_by_side import LabOutcome, without_interference
from tests.support.ooni.scores import RULES

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]  # of which most is for the runs before

SCENARIOS = scenario_names()
# their verdicts rest on packets that only root sees
NEED_RAW_PACKETS = {"reset-prints", "rst-late", "print-henan", "print-tsg", "print-tsg-single"}
HELPER = {FabricConfig.helper_v4, FabricConfig.helper_v6}


def bare_runs() -> list[str]:
    """Return the scenarios to run without interference too. No other such run measures all their targets.

    `clean` is such a run, of all targets. Skype is retired, so nothing of skype-gone is left.
    """
    measured = {name: measured_bare(name) for name in scenario_names() if name != "skype-gone"}
    kept: list[str] = []
    for name in sorted(measured, key=lambda name: (-len(measured[name][1]), name != "clean", name)):
        how, targets = measured[name]
        if not any(measured[other][0] == how and measured[other][1] >= targets for other in kept):
            kept.append(name)
    return sorted(set(kept) - {"clean"})


def measured_bare(name: str) -> tuple[str, set[str]]:
    """Return the pages, helper and depth of a scenario without interference, and its targets."""
    bare = without_interference(load_scenario(find_scenario(name)))
    web_alone = any(page.measured for page in bare.pages) and not bare.targets
    targets = set() if web_alone else set(bare.targets) or usual_targets()
    return f"{bare.pages} {bare.helper} {bare.depth}", targets


@cache
def usual_targets() -> set[str]:
    """Return the targets of a scenario that names none."""
    return {target.name for target in pick_targets(bundled_targets(), [])}


ABLATED = bare_runs()


def of_each(names: Sequence[str], **how: Any) -> list[Any]:
    """Return each scenario as a parameter whose test shares the run of that scenario."""
    rights = {name: [pytest.mark.root] for name in NEED_RAW_PACKETS}
    return [pytest.param(name, marks=[pytest.mark.lab_run(name, **how), *rights.get(name, [])]) for name in names]


def lines_below(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted(folder.rglob("*.jsonl")) for line in path.read_text().splitlines()]


def check(finished: Finished) -> None:
    assert not finished.differences, "\n" + "\n".join(table(finished.differences))


def check_the_wire(
    pcap: Path, results: Path, pages: Sequence[Page] = (), *, most: int = TRIGGERS_STANDARD, complete: bool = True
) -> None:
    """Check P7 on the wire: the triggers per name, address and transport, and one connection to a forged address."""
    wire = Wire(pcap, {FabricConfig.home_public_v4, FabricConfig.home_v6})
    everything = pick_targets(bundled_targets(), target_names(bundled_targets()))  # those that are off by default too
    names = {endpoint.host for target in everything for _, endpoint in target.endpoints()}
    names |= {web_endpoint(page.url).host for page in pages}
    counted = wire.triggers({name for name in names if not is_address(name)})
    for place in [place for place in counted if place[1] in HELPER]:
        del counted[place]  # plain HTTP is used only in the lab. Outside, its requests show no name
    assert not [place for place, count in counted.items() if count > most]
    assert not [address for address in FOREIGN + FOREIGN_V6 if wire.connections(address) > 1]
    assert not complete or sum(counted.values()) <= reported_triggers(lines_below(results))


def reported_triggers(lines: Sequence[dict[str, Any]]) -> int:
    """Return the triggers that the measurements report. The count starts again with each run and each repeat of it."""
    rounds: dict[tuple[str, int], int] = {}
    measured: Counter[tuple[str, str]] = Counter()  # measurements so far, by run and target or web address
    for line in lines:
        run = line["test_keys"]["x_run"]
        what = run["run_id"], f"{line['test_name']} {line['input']} {line['test_keys']['x_target']['name']}"
        place = run["run_id"], measured[what]
        rounds[place] = max(run["triggers"], rounds.get(place, 0))
        measured[what] += 1
    return sum(rounds.values())


@pytest.mark.parametrize("name", of_each(SCENARIOS))
def test_verdicts_are_as_the_scenario_expects(name: str, outcome: LabOutcome) -> None:
    check(outcome.finished)
    evidence.check_lines(outcome.folder / "lab", outcome.finished.records)
    scenario = load_scenario(find_scenario(name))
    most = TRIGGERS_DEEP if scenario.depth == "deep" else TRIGGERS_STANDARD
    most *= scenario.run.repeat
    starved = scenario.run.open_files is not None  # then the system's resolver repeats queries itself
    check_the_wire(
        outcome.folder / "home.pcap", outcome.folder / "lab", scenario.pages, most=most, complete=not starved
    )
    lines = lines_below(outcome.folder / "lab")
    assert lines == lines_below(outcome.folder)
    if name == "clean":  # evidence.py has compared OONI's scores
        assert {line["test_name"] for line in lines} >= RULES.keys()
    assert lines
    for line in lines:
        assert line["annotations"]["lab"] == name
        assert (line["probe_cc"], line["probe_asn"]) == ("XX", "AS64500")


@pytest.mark.parametrize("name", of_each(ABLATED, bare=True))
def test_without_interference_everything_is_ok(name: str, outcome: LabOutcome) -> None:
    check(outcome.finished)


OTHER_SEEDS = (("great-firewall", 3), ("great-firewall", 11), ("freeze-packets", 1), ("freeze-packets", 2))
"""Runs with other hops and times. With half of the seeds the computer's hellos have no post-quantum key share."""


@pytest.mark.parametrize(
    ("name", "seed"), [pytest.param(*one, marks=pytest.mark.lab_run(one[0], seed=one[1])) for one in OTHER_SEEDS]
)
def test_other_seed_gives_the_same_verdicts(name: str, seed: int, outcome: LabOutcome) -> None:
    check(outcome.finished)


def test_other_seeds_draw_hellos_with_and_without_post_quantum_share() -> None:
    drawn = {has_short_hello(load_scenario(find_scenario(name)), seed) for name, seed in OTHER_SEEDS}
    assert drawn == {True, False}


def test_no_real_address_is_reachable(tmp_path: Path) -> None:
    """Test addresses beside those of the target files. 1.1.1.1 itself is a host of the lab."""
    script = tmp_path / "connect.py"
    script.write_text(
        "import socket, sys\n"
        "for address in ('1.0.0.1', '8.8.4.4', '192.0.2.1'):\n"
        "    try:\n"
        "        socket.create_connection((address, 443), timeout=1)\n"
        "    except OSError:\n"
        "        continue\n"
        "    sys.exit(1)\n"
    )
    clean = load_scenario(find_scenario("clean"))
    command = [sys.executable, str(script)]
    assert run_command(replace(clean, name="alone"), bundled_targets(), command, consent=VERSION) == 0


def test_new_target_file_gets_a_server_and_a_verdict(tmp_path: Path) -> None:
    """Test that a new service needs a TOML file and no code."""
    targets = tmp_path / "targets"
    targets.mkdir()
    for path in bundled_targets().glob("*.toml"):
        if path.stem in {"neutral", "resolvers"}:
            (targets / path.name).write_text(path.read_text())
    (targets / "newcomer.toml").write_text(
        'nettest = "endpoint_reachability"\ntitle = "Newcomer"\nsource = "https://newcomer.example/"\n'
        "reviewed = 2026-11-24\n[services.web]\n"
        'endpoints = ["https://chat.newcomer.example:443/", "tls://chat.newcomer.example:5223"]\n'
    )
    scenario = replace(load_scenario(find_scenario("clean")), expect_network=None)  # one app shows no open network
    finished = run_scenario(scenario, targets, consent=VERSION, results=tmp_path)
    check(finished)
    services = {record["service"] for record in finished.records}  # the resolvers are a target too
    assert {service for service in services if not service.startswith("resolvers/")} == {"newcomer/web"}


# -- the command -----------------------------------------------------------------------------------------------------


def lab(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "probe", "lab", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=100)


def test_command_gets_five_variables_and_returns_its_exit_code(tmp_path: Path) -> None:
    script = (
        "import json, os, sys; print(json.dumps(dict(os.environ))); open('made', 'w').close(); "
        "sys.stderr.write(sys.stdin.read()); sys.exit(7)"
    )
    command = [sys.executable, "-m", "probe", "lab", "run", "clean", "--", sys.executable, "-c", script]
    before = dict(os.environ)  # explicit, since libraries of the test runner add to the C environment
    done = subprocess.run(
        command, cwd=tmp_path, env=before, capture_output=True, text=True, input="typed", timeout=100, check=False
    )
    assert done.returncode == 7
    assert done.stderr == "typed"
    inside = json.loads(done.stdout)
    new = {name for name in inside if before.get(name) != inside[name]} - {"PWD", "OLDPWD", "_", "SHLVL"}
    new -= {"PYTEST_CURRENT_TEST", "PATH", "_PROBE_LANG"}  # the last one is for worker processes
    assert inside["PATH"].startswith(before["PATH"])  # the folder of this interpreter's programs may follow
    assert new == {"PROBE_CONTROL", "PROBE_CONSENT", "PROBE_PUBLIC_ROOTS", "PROBE_CC", "PROBE_ASN"}
    assert (tmp_path / "made").stat().st_uid == os.getuid()


def test_json_prints_only_verdict_records(tmp_path: Path) -> None:
    done = lab("run", "sni-reset", "--json", "--results", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"telegram/web", "whatsapp/chat", "gmail/web"} <= {record["service"] for record in records}
    assert done.stderr.startswith("LAB sni-reset: emulated, nothing left this computer\n")
    saved = done.stderr.splitlines()[-1].removeprefix("saved ")
    assert Path(saved).is_relative_to(tmp_path / "lab")


def test_difference_prints_a_table_and_exits_with_1(tmp_path: Path) -> None:
    text = find_scenario("sni-reset").read_text().replace('["tls.reset.sni"]', '["tls.timeout.sni"]', 1)
    (tmp_path / "mine.toml").write_text(text)
    done = lab("run", "mine.toml", "--results", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "LAB mine: emulated, nothing left this computer" in done.stdout
    row = next(line for line in done.stdout.splitlines() if "tls.timeout.sni" in line)
    assert row.split() == ["telegram/web", "mechanisms", "tls.timeout.sni", "tls.reset.sni"]
