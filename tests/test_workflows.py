"""Test the workflows of GitHub Actions: they fit the schema, run on every system and version, and have few rights."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema_rs import validator_for

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
# SchemaStore's, Apache-2.0, from check-jsonschema 0.39.0 (2026-11-27).
SCHEMA = json.loads((ROOT / "tests/support/schemas/github-workflows.json").read_text())
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
    assert [path.name for path in WORKFLOWS] == ["tests.yml"]


def test_workflow_fits_the_schema(workflow: dict[str, Any]) -> None:
    checked = validator_for(SCHEMA)
    assert not [error.message for error in checked.iter_errors(workflow)]
    assert list(checked.iter_errors(workflow | {"jobs": {"one": {"step": []}}})), "the schema refuses nothing"


def test_actions_are_pinned_by_commit(workflow: dict[str, Any]) -> None:
    used = [step["uses"] for step in steps(workflow) if "uses" in step]
    assert used and all(PINNED.fullmatch(action) for action in used)


def test_token_can_only_read_and_is_not_kept(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in workflow["jobs"].values())
    checkouts = [step for step in steps(workflow) if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts and all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_no_text_from_outside_is_put_into_a_command(workflow: dict[str, Any]) -> None:
    assert not [step["run"] for step in steps(workflow) if "${{" in step.get("run", "")]


def test_every_system_and_version_is_tried() -> None:
    matrix = read(WORKFLOWS[0])["jobs"]["install"]["strategy"]["matrix"]
    assert {system.partition("-")[0] for system in matrix["system"]} == {"ubuntu", "macos", "windows"}
    lowest = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert lowest == f">={matrix['python'][0]}" and matrix["python"][-1] == "3.14"


def test_types_are_checked_as_by_make() -> None:
    runs = "\n".join(step.get("run", "") for step in steps(read(WORKFLOWS[0])))
    makefile = (ROOT / "Makefile").read_text()
    assert "--follow-imports silent" in makefile and "for system in darwin win32" in makefile
    for system in ("darwin", "win32"):
        assert f"mypy --strict --platform {system} --follow-imports silent --exclude '^probe/lab/'" in runs
