"""Test the workflows of GitHub Actions: they fit the schema, run on every system and version, and have few rights."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema_rs import validator_for

from tests.support.suites import Part

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
# SchemaStore's, Apache-2.0, from check-jsonschema 0.39.0 (2026-11-27).
SCHEMA = json.loads((ROOT / "tests/support/schemas/github-workflows.json").read_text())
TESTS, RELEASE = ROOT / ".github/workflows/tests.yml", ROOT / ".github/workflows/release.yml"
WRITING = {"publish": {"attestations": "write", "contents": "write", "id-token": "write"}}
"""The rights of the only job that writes."""
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")


def read(path: Path) -> dict[str, Any]:
    """Return a workflow. YAML 1.1 reads the key `on` as true."""
    found = yaml.safe_load(path.read_text())
    return {"on" if key is True else key: value for key, value in found.items()}


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.name)
def workflow(request: pytest.FixtureRequest) -> dict[str, Any]:
    return read(request.param)


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_there_is_a_workflow() -> None:
    assert [path.name for path in WORKFLOWS] == ["release.yml", "tests.yml"]


def test_workflow_fits_the_schema(workflow: dict[str, Any]) -> None:
    checked = validator_for(SCHEMA)
    assert not [error.message for error in checked.iter_errors(workflow)]
    assert list(checked.iter_errors(workflow | {"jobs": {"one": {"step": []}}})), "the schema refuses nothing"


def test_actions_are_pinned_by_commit(workflow: dict[str, Any]) -> None:
    used = [step["uses"] for step in steps(workflow) if "uses" in step]
    assert used and all(PINNED.fullmatch(action) for action in used)


def test_token_can_only_read_and_is_not_kept(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    jobs = workflow["jobs"]
    assert {name: job["permissions"] for name, job in jobs.items() if "permissions" in job}.items() <= WRITING.items()
    checkouts = [step for step in steps(workflow) if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts and all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_no_text_from_outside_is_put_into_a_command(workflow: dict[str, Any]) -> None:
    assert not [step["run"] for step in steps(workflow) if "${{" in step.get("run", "")]


def test_every_system_and_version_is_tried() -> None:
    matrix = read(TESTS)["jobs"]["install"]["strategy"]["matrix"]
    assert {system.partition("-")[0] for system in matrix["system"]} == {"ubuntu", "macos", "windows"}
    lowest = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert lowest == f">={matrix['python'][0]}" and matrix["python"][-1] == "3.14"


def test_four_parts_are_all_tests() -> None:
    """Test that each part runs. `make` takes PART from the environment."""
    suite = read(TESTS)["jobs"]["suite"]
    parts = [Part.parse(text) for text in suite["strategy"]["matrix"]["part"]]
    assert parts == [Part(number, len(parts)) for number in range(1, len(parts) + 1)]
    assert suite["env"] == {"CI": "true", "PART": "${{ matrix.part }}"}
    assert [step["run"] for step in suite["steps"] if "run" in step][-1] == "make test-all"
    assert "$(if $(PART),--part $(PART))" in (ROOT / "Makefile").read_text()


def test_ci_calls_make_test_and_nothing_else() -> None:
    """Test what CI calls, so that the closing line of pytest is the last one."""
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == "exec make test"


def test_types_are_checked_as_by_make() -> None:
    runs = "\n".join(step.get("run", "") for step in steps(read(TESTS)))
    makefile = (ROOT / "Makefile").read_text()
    assert "--follow-imports silent" in makefile and "for system in darwin win32" in makefile
    for system in ("darwin", "win32"):
        assert f"mypy --strict --platform {system} --follow-imports silent --exclude '^probe/lab/'" in runs


def test_job_that_may_write_runs_nothing_of_the_checkout_and_only_for_a_tag() -> None:
    jobs = read(RELEASE)["jobs"]
    publish = jobs["publish"]
    assert publish["if"] == "startsWith(github.ref, 'refs/tags/v')" and set(publish["needs"]) == set(jobs) - {"publish"}
    used = [step["uses"].partition("@")[0] for step in publish["steps"] if "uses" in step]
    assert used == ["actions/download-artifact", "actions/attest-build-provenance"]
    (command,) = (step["run"] for step in publish["steps"] if "run" in step)
    assert command.startswith("gh release create ") and "--draft" in command


def test_release_is_built_twice_and_compared() -> None:
    assert "make reproduce" in [step.get("run") for step in read(RELEASE)["jobs"]["build"]["steps"]]
    rule = (ROOT / "Makefile").read_text().partition("\nreproduce: release\n")[2].partition("\n\n")[0]
    assert "git clone" in rule and rule.count("-m build ") == 2 and "cmp " in rule


def test_windows_installs_and_starts_what_it_built() -> None:
    runs = "\n".join(step.get("run", "") for step in read(RELEASE)["jobs"]["windows"]["steps"])
    script = ROOT / "deploy" / "windows" / "install.ps1"
    assert "deploy/windows/probe.spec" in runs and runs.count(script.name) == 2 and "probe.exe" in runs
    assert script.name in (script.parent / "probe.spec").read_text()
