"""Test that the wheel contains its data and works from any folder, and that the package of recordings is found."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MOST_BYTES = 7_000_000  # of the wheel: a connection can be slow


def build(project: Path, out: Path) -> Path:
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, project]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which the package of recordings is installed."""
    folder = tmp_path_factory.mktemp("recordings")
    with zipfile.ZipFile(build(ROOT / "deploy" / "lab-recordings", tmp_path_factory.mktemp("dist"))) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create an environment with only the wheel in it. Libraries come from the environment of the tests."""
    home = tmp_path_factory.mktemp("env")
    venv.create(home, with_pip=False)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = home / "lib" / version / "site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (site / "libraries.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return home / "bin" / "python"


def run(python: Path, *arguments: str, more: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `probe` of the wheel in the root folder. `more`: a folder with a further package."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(python.parent), "LANG": "C.UTF-8"}
    environment |= {"PYTHONPATH": str(more)} if more else {}
    return subprocess.run(
        [python, "-m", "probe", *arguments], cwd="/", env=environment, capture_output=True, text=True, timeout=400
    )


def test_the_wheel_holds_its_data(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "probe/data/targets/telegram.toml" in names
    assert "probe/lab/scenarios/great-firewall.toml" in names
    page = "probe/analysis/report/page"
    assert {f"{page}/page.css", f"{page}/scripts/grid.js", f"{page}/sections/grid.html.jinja"} <= names
    assert any(name.startswith("probe/data/schema/measurement-") for name in names)
    locale = ROOT / "probe" / "messages" / "locale"
    translations = {path.relative_to(ROOT).with_suffix(".mo").as_posix() for path in locale.rglob("*.po")}
    assert {name for name in names if name.startswith("probe/messages/locale/")} == translations
    version = wheel.name.split("-")[1]
    assert f"censorprobe-{version}.data/data/share/man/man1/probe-run.1" in names


def test_the_wheel_is_small_and_has_one_recording(wheel: Path, recordings: Path) -> None:
    assert wheel.stat().st_size <= MOST_BYTES
    recorded = "probe/lab/recorded/"
    names = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith(recorded)}
    assert names == {f"{recorded}great-firewall.jsonl.xz"}
    there = {path.name for path in (recordings / "censorprobe_lab" / "recorded").iterdir()}
    assert there == {path.name for path in (ROOT / recorded).iterdir()}


def test_recordings_are_found_when_their_package_is_installed(python: Path, recordings: Path, tmp_path: Path) -> None:
    words = ("synth", "--measurements", "2", "--out", str(tmp_path / "world"))
    refused = run(python, *words)
    assert refused.returncode == 2
    assert "is in the package censorprobe-lab, which is not installed" in " ".join(refused.stderr.split())
    done = run(python, *words, more=recordings)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "world" / "lines").iterdir())


def test_targets_are_found_from_the_root_folder(python: Path) -> None:
    done = run(python, "targets", "list")
    assert done.returncode == 0, done.stderr
    assert "telegram" in done.stdout


def test_the_lab_runs_from_the_root_folder(python: Path, tmp_path: Path) -> None:
    done = run(python, "lab", "run", "clean")
    assert done.returncode == 0, done.stdout + done.stderr
    saved = done.stderr.strip().splitlines()[-1]
    assert saved.startswith("saved ") and str(python.parent) in saved
