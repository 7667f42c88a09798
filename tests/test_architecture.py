"""Check the layers of docs/contract.md: the import contracts hold, and each breaks on a deliberate violation."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINT = Path(sys.executable).parent / "lint-imports"

RESERVED = {"bogons.py"}  # ranges of addresses that no public host has

# for each contract: a file, and an import that the contract forbids in it
VIOLATIONS = {
    "layers": ("probe/steps/tcp.py", "import probe.connectivity.endpoint"),
    "analysis layers": ("probe/analysis/rules/rule.py", "import probe.analysis.verdicts.located_hops"),
    "measuring and verdicts are independent": ("probe/run/measure.py", "import probe.analysis.ruleset.tables"),
    "analysis needs no network library": ("probe/analysis/rules/rule.py", "import dns.message"),
    "no cycles between siblings": ("probe/session/pacing.py", "import probe.session.session"),
    "nettests are independent": ("probe/nettests/telegram.py", "import probe.nettests.whatsapp"),
    "codecs use no socket and no clock": ("probe/wire/whatsapp/noise.py", "import socket"),
    "the planner uses no socket and no clock": (
        "probe/connectivity/policy/policy_table.py",
        "import probe.session.pacing",
    ),
    "one file imports pyspark": (
        "probe/analysis/spark/spark_engine.py",
        "def late():\n    from pyspark.sql import SparkSession",
    ),
    "one file imports the Spark package": (
        "probe/cli/data/compare.py",
        "def late():\n    import probe.analysis.spark.spark_session",
    ),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT, "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )


def contracts() -> list[str]:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return [contract["name"] for contract in table["tool"]["importlinter"]["contracts"]]


def test_every_contract_has_violation() -> None:
    assert sorted(contracts()) == sorted(VIOLATIONS)


def test_contracts_hold() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", VIOLATIONS)
def test_contract_breaks_on_violation(name: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "probe", tmp_path / "probe", ignore=shutil.ignore_patterns("__pycache__", "recorded"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    file, violation = VIOLATIONS[name]
    spoiled = tmp_path / file
    spoiled.write_text(spoiled.read_text() + f"\n{violation}\n")
    done = lint(tmp_path)
    assert done.returncode == 1
    assert f"{name} BROKEN" in done.stdout.replace("\n", " "), done.stdout


def test_no_file_has_forbidden_name() -> None:
    forbidden = {"utils", "common", "core", "base", "misc", "manager", "helpers", "types", "constants", "exceptions"}
    assert not [path for path in (ROOT / "probe").rglob("*.py") if path.stem in forbidden]


def test_every_module_has_docstring() -> None:
    silent = [
        str(path) for path in (ROOT / "probe").rglob("*.py") if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert not silent


def test_code_has_no_address_or_host() -> None:
    """Check that hosts to contact are in targets/ only.

    Documentation addresses, those of translators (RFC 7335, RFC 7050) and the lab are exempt.
    """
    literal = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
    free = re.compile(
        r"^(0\.0\.0\.0|127\.|255\.255\.255\.255|192\.0\.2\.|198\.51\.100\.|203\.0\.113\.|192\.168\.1\.|192\.0\.0\.)"
    )
    found = []
    for path in (ROOT / "probe").rglob("*.py"):
        if "lab" in path.relative_to(ROOT / "probe").parts or path.name in RESERVED:
            continue
        tree = ast.parse(path.read_text())
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                found += [f"{path.name}: {hit}" for hit in literal.findall(node.value) if not free.match(hit)]
    assert not found


def test_one_module_connects_to_duckdb() -> None:
    """Check that one module sets the options of every DuckDB connection. There DuckDB is told to print nothing."""
    files = (ROOT / "probe").rglob("*.py")
    connecting = [path for path in files if re.search(r"duckdb\W{0,3}\.connect\(", path.read_text())]
    assert [path.name for path in connecting] == ["duckdb_files.py"]


def test_every_command_is_documented() -> None:
    from probe.cli import COMMANDS

    page = (ROOT / "docs" / "commands.md").read_text()
    assert not [name for name in COMMANDS if f"`probe {name}" not in page]


def test_every_nettest_links_its_specification() -> None:
    """Check that the specification is OONI's page, or for our own nettests the file that describes them."""
    from probe.nettests import NETTESTS

    for name, nettest in NETTESTS.items():
        if not nettest.spec.startswith("https://github.com/ooni/spec/"):
            assert f"**`{name}`** ({nettest.version})" in (ROOT / nettest.spec).read_text()


def test_every_scenario_has_recording() -> None:
    from probe.lab.recordings import recording_of
    from probe.lab.scenario.bundled_scenarios import scenario_names

    assert not [name for name in scenario_names() if recording_of(name) is None]
