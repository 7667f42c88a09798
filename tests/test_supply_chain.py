"""Test that only locked files are installed, that the image has few rights, and that no library reports its use."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import requires, version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from probe.analysis.engines.duckdb_files import duckdb_in_memory

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKED = {"sys_platform": "linux", "platform_machine": "x86_64"}  # tool.uv.environments in pyproject.toml
RUN_EXTRAS = ("quic", "fingerprint", "analysis", "share")
LISTS = ("build", "run", "test", "audit")


def locked(name: str) -> dict[str, list[tuple[Requirement, int]]]:
    """Return the requirements of a lock file by name, each with the number of its digests."""
    found: dict[str, list[tuple[Requirement, int]]] = {}
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    for entry in re.split(r"\n(?=\S)", re.sub(r"(?m)^ *#.*\n?", "", text)):
        requirement = Requirement(entry.partition(" \\")[0])
        digests = re.findall(r"--hash=sha256:[0-9a-f]{64}\b", entry)
        found.setdefault(canonicalize_name(requirement.name), []).append((requirement, len(digests)))
    return found


def declared(*extras: str) -> list[Requirement]:
    project = PROJECT["project"]
    lines = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    every = [Requirement(line) for line in lines]
    return [one for one in every if one.marker is None or one.marker.evaluate(LOCKED)]


@pytest.mark.parametrize("name", LISTS)
def test_every_locked_version_is_exact_and_has_digests(name: str) -> None:
    for entries in locked(name).values():
        for requirement, digests in entries:
            assert re.fullmatch(r"==[^,*]+", str(requirement.specifier)) and digests > 0, requirement
    assert not {"torch", "censorprobe"} & set(locked(name))


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("run", declared(*RUN_EXTRAS)),
        ("test", declared(*RUN_EXTRAS, "test")),
        ("build", [Requirement(line) for line in PROJECT["dependency-groups"]["build"]]),
        ("audit", [Requirement(line) for line in PROJECT["dependency-groups"]["audit"]]),
    ],
)
def test_lock_has_everything_that_is_declared(name: str, wanted: list[Requirement]) -> None:
    have = locked(name)
    for requirement in wanted:
        chosen = [str(entry.specifier)[2:] for entry, _ in have.get(canonicalize_name(requirement.name), [])]
        assert chosen and all(map(requirement.specifier.contains, chosen)), f"{requirement}: run `make lock`"


def test_image_has_the_versions_that_are_tested() -> None:
    tested, chosen = versions("test"), versions("run") | versions("build")
    assert chosen and chosen <= tested


def versions(name: str) -> set[tuple[str, str]]:
    return {(own, str(entry.specifier)) for own, entries in locked(name).items() for entry, _ in entries}


def commands(text: str) -> list[str]:
    return [line.strip() for line in re.sub(r"\\\n", " ", text).splitlines() if not line.strip().startswith("#")]


def test_image_installs_only_what_is_locked_and_runs_without_rights() -> None:
    lines = commands((ROOT / "Dockerfile").read_text())
    bases = [line for line in lines if line.startswith("FROM ")]
    assert bases and all(re.match(r"FROM python:[\w.-]+@sha256:[0-9a-f]{64}\b", line) for line in bases)
    assert len({line.split()[1] for line in bases}) == 1
    steps = [
        step
        for line in lines
        if line.startswith("RUN ")
        for step in line.split("&&")
        if re.search(r"\bpip (.* )?(install|wheel) ", step)
    ]
    fetching = [step for step in steps if "--require-hashes" in step]
    assert len(fetching) == 2 and all("--only-binary :all:" in step for step in fetching)
    assert all("--no-deps" in step for step in steps)
    assert "USER 10001:10001" in lines


def needed_by(name: str, extras: Iterable[str]) -> Iterator[Requirement]:
    """Yield what an installed distribution needs here, with these extras."""
    for line in requires(name) or ():
        requirement = Requirement(line)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield requirement


def test_lists_have_what_each_library_needs() -> None:
    """Install the lists as the Makefile and the image do, without dependencies, and nothing is missing."""
    have = locked("run") | locked("build") | locked("test")
    waiting = [entry for name in ("run", "test") for entries in locked(name).values() for entry, _ in entries]
    waiting = [entry for entry in waiting if entry.marker is None or entry.marker.evaluate()]
    seen = set[tuple[str, frozenset[str]]]()
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        assert name in have, f"{one} is not in requirements/test.txt: run make lock"
        assert any(entry.specifier.contains(version(name)) for entry, _ in have[name]), f"{name} {version(name)}"
        if (key := (name, frozenset(one.extras))) not in seen:
            seen.add(key)
            waiting += needed_by(*key)


def test_make_installs_only_what_is_locked_on_known_machines() -> None:
    text = (ROOT / "Makefile").read_text()
    assert "\nLOCKED = $(INSTALL) --require-hashes --no-deps --no-build-isolation\n" in text
    assert "\nEDITABLE = $(INSTALL) --no-deps --no-build-isolation --editable\n" in text
    recipe = text.partition("$(VENV)/ready-test:")[2].partition("\n\n")[0]
    assert "$(LOCKED) -r requirements/test.txt" in recipe and "$(INSTALL)" not in recipe
    for name in LISTS:
        assert f"requirements/{name}.txt" in text


def test_services_run_with_the_fewest_rights() -> None:
    services = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    assert set(services) == {"helper", "probe"}
    for service in services.values():
        assert service["user"] == "10001:10001" and service["read_only"] is True
        assert service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"]
        assert not {"cap_add", "privileged", "devices", "pid", "ipc"} & set(service)
    assert services["helper"]["logging"] == {"driver": "none"}


# -- telemetry and secrets ---------------------------------------------------------------------------------------------

WATCHED = """
import json, os, sys
seen = []
def watch(event, arguments):
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname"}:
        seen.append([event, repr(arguments[1:])])
    if event in {"subprocess.Popen", "os.exec", "os.posix_spawn"}:
        seen.append([event, repr(arguments[:2])])
sys.addaudithook(watch)
import atexit, importlib, importlib.metadata
def report():
    print(json.dumps(seen))
atexit.register(report)
owners = importlib.metadata.packages_distributions()
for module, names in sorted(owners.items()):
    if any(name.lower().replace("_", "-").replace(".", "-") in WANTED for name in names) and module.isidentifier():
        if not module.startswith("_"):
            try:
                importlib.import_module(module)
            except ImportError as missing:
                print(f"{module}: {missing}", file=sys.stderr)
"""


def test_no_library_connects_or_starts_anything_when_imported(tmp_path: Path) -> None:
    wanted = sorted(locked("run"))
    program = WATCHED.replace("WANTED", repr(wanted))
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=100, cwd=tmp_path, check=True
    )
    assert json.loads(done.stdout.splitlines()[-1]) == [], done.stdout
    assert done.stderr.count("\n") < len(wanted) // 4, done.stderr


def test_watcher_sees_a_library_that_reports_its_use(tmp_path: Path) -> None:
    program = WATCHED.replace("WANTED", "set()") + "import socket\nsocket.socket(2, 2).connect(('127.0.0.1', 9))\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert json.loads(done.stdout.splitlines()[-1]) == [["socket.connect", "(('127.0.0.1', 9),)"]]


def test_settings_of_libraries_fetch_and_send_nothing() -> None:
    import pyroute2.config

    assert pyroute2.config.telemetry is None
    settings = ("autoinstall_known_extensions", "autoload_known_extensions")
    connection = duckdb_in_memory()
    values = connection.execute("SELECT " + ", ".join(f"current_setting('{name}')" for name in settings)).fetchone()
    assert values == (False, False)


SECRETS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/=]{40}|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b"
    r"|\bglpat-[\w-]{20}\b|\bxox[abp]-[\w-]{20,}|\bpypi-AgEI[\w-]{40,}|://[^/\s:@{}$]+:[^/\s:@{}$]{6,}(?<!:secret)@[\w.-]+\.[a-z]{2,}"
)
TEXT = {".py", ".toml", ".md", ".txt", ".yml", ".yaml", ".json", ".jinja", ".js", ".cfg", ".sh", ""}


def test_repository_holds_no_secret() -> None:
    folders = ("probe", "targets", "docs", "deploy", "requirements", "tests", ".ci")
    files = [
        file for folder in folders for file in (ROOT / folder).rglob("*") if file.suffix in TEXT and file.is_file()
    ]
    files += [file for file in ROOT.iterdir() if file.is_file()]
    assert len(files) > 500
    found = {file.name for file in files if SECRETS.search(file.read_text(errors="replace"))}
    assert found == set()


@pytest.mark.parametrize("secret", ["AKIA" + "A1" * 8, "ghp_" + "a" * 36, "https://user:" + "hunter22@example.com/"])
def test_secrets_are_recognised(secret: str) -> None:
    assert SECRETS.search(f"key = {secret}\n")
