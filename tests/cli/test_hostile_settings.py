"""Test commands on hostile target files, scenarios, settings, lists, certificates, tables, scores and stores."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from probe.targets.target_files import bundled_targets
from tests.cli.test_hostile_files import check, heavy, light, path
from tests.support.hostile.forks import Forks
from tests.support.hostile.measurements import STEERING
from tests.support.hostile.settings import ADDRESSES, CERTIFICATES, NETWORKS, NO_FILES, SCORES, STORES, TOML

__all__ = ["heavy", "light", "path"]
Make = Callable[[Path], object]


def making(contents: dict[str, bytes]) -> dict[str, Make]:
    """Return functions that write the contents, and those that make what is no file."""
    return {name: lambda path, raw=content: path.write_bytes(raw) for name, content in contents.items()} | NO_FILES


FILES = {
    "toml": making(TOML),
    "addresses": making(ADDRESSES),
    "certificates": making(CERTIFICATES),
    "networks": making(NETWORKS),
    "scores": making(SCORES),
}


@pytest.fixture
def targets(path: Path) -> Path:
    """Return a copy of the bundled target files."""
    return Path(shutil.copytree(bundled_targets(), path / "targets"))


@pytest.mark.parametrize("name", FILES["toml"])
def test_target_file(name: str, targets: Path, light: Forks) -> None:
    (targets / "telegram.toml").unlink()
    FILES["toml"][name](targets / "telegram.toml")
    done = light.run("targets", "check", str(targets))
    check(done, 6)
    assert "telegram.toml" in done.errors
    check(light.run("targets", "show", "telegram", "--targets", str(targets)), 2)


@pytest.mark.parametrize("file", ["neutral.toml", "resolvers.toml", "\x1b[2J\u202e.toml", "new\nline.toml"])
@pytest.mark.parametrize("name", ["nested-arrays", "escapes-in-keys", "pipe", "device"])
def test_other_files_of_a_target_folder(file: str, name: str, targets: Path, light: Forks) -> None:
    (targets / file).unlink(missing_ok=True)
    FILES["toml"][name](targets / file)
    for words, code in ((("targets", "check"), 6), (("consent", "--targets"), 2), (("run", "--targets"), 2)):
        check(light.run(*words, str(targets)), code)


@pytest.mark.parametrize("name", FILES["toml"])
def test_scenario(name: str, path: Path, light: Forks) -> None:
    FILES["toml"][name](path / "a.toml")
    done = light.run("lab", "run", str(path / "a.toml"))
    check(done, 2)
    assert "a.toml" in done.errors


@pytest.mark.parametrize("name", FILES["toml"])
def test_settings(name: str, path: Path, light: Forks) -> None:
    (path / "censorprobe").mkdir()
    FILES["toml"][name](path / "censorprobe" / "config.toml")
    done = light.run("targets", "list", environment={"XDG_CONFIG_HOME": str(path)})
    check(done, 0 if name == "empty" else 2)
    assert name == "empty" or "config.toml" in done.errors


UNUSABLE_SETTINGS = {
    "nan": "max-time = nan",
    "infinity": "max-time = inf",
    "large": f"max-time = {'9' * 400}",
    "larger": f"repeat = {'9' * 4000}",
    "u0000": 'results = "\\u0000"',
}


@pytest.mark.parametrize("setting", UNUSABLE_SETTINGS.values(), ids=UNUSABLE_SETTINGS)
def test_setting_without_a_usable_value(setting: str, path: Path, light: Forks) -> None:
    (path / "censorprobe").mkdir()
    (path / "censorprobe" / "config.toml").write_text(setting)
    check(light.run("run", "--explain", environment={"XDG_CONFIG_HOME": str(path)}), 2)


@pytest.mark.parametrize("name", FILES["addresses"])
def test_list_of_web_addresses(name: str, path: Path, light: Forks) -> None:
    FILES["addresses"][name](path / "list")
    done = light.run("run", "web", "--explain", "--input", "list", cwd=path)
    check(done, 0, 2, 6, cpu=20)
    assert len(done.errors.splitlines()) < 20
    if name in {"pipe", "device", "folder", "loop"}:
        assert done.code == 2 and "cannot be read" in done.errors


@pytest.mark.parametrize("name", FILES["certificates"])
def test_certificates(name: str, path: Path, light: Forks) -> None:
    """Run without consent, which is asked for behind the check of the file, so that nothing is sent."""
    FILES["certificates"][name](path / "roots.pem")
    done = light.run("run", environment={"PROBE_PUBLIC_ROOTS": str(path / "roots.pem")})
    check(done, 2)
    assert "roots.pem" in done.errors


@pytest.mark.parametrize("suffix", ["bin", "mmdb"])
@pytest.mark.parametrize("name", FILES["networks"])
def test_table_of_networks(name: str, suffix: str, path: Path, light: Forks) -> None:
    FILES["networks"][name](path / f"t.{suffix}")
    done = light.run("run", environment={"PROBE_ASN_DB": str(path / f"t.{suffix}")})
    check(done, 2)
    assert f"t.{suffix}" in done.errors


@pytest.mark.parametrize("name", FILES["scores"])
def test_score(name: str, path: Path, light: Forks) -> None:
    FILES["scores"][name](path / "score.json")
    done = light.run("lab", "score", "--show", str(path / "score.json"))
    check(done, 0 if name in {"escapes", "nan"} else 6)


@pytest.mark.parametrize("make", NO_FILES.values(), ids=NO_FILES)
@pytest.mark.parametrize("file", ["config/censorprobe/consent", "state/censorprobe/results-folders"])
def test_own_file_that_is_none(file: str, make: Make, path: Path, light: Forks) -> None:
    (path / file).parent.mkdir(parents=True)
    make(path / file)
    folders = {"XDG_CONFIG_HOME": str(path / "config"), "XDG_STATE_HOME": str(path / "state")}
    check(light.run("run", environment=folders), 3)
    check(light.run("wipe", environment=folders), 1, 2)


def test_list_of_folders_with_control_characters(path: Path, light: Forks) -> None:
    folder = path / f"results{STEERING}"
    (folder / "2026-11-24" / "DE-AS3320").mkdir(parents=True)
    (folder / "2026-11-24" / "DE-AS3320" / "130000-aa.jsonl").touch()
    (path / "censorprobe").mkdir()
    (path / "censorprobe" / "results-folders").write_bytes(b"/a\0b\n" + bytes(folder).replace(b"\n", b"") + b"\n")
    check(light.run("wipe", "--results", str(folder), environment={"XDG_STATE_HOME": str(path)}), 2)


READERS = {
    "sql": ("sql", "SELECT * FROM verdicts", "--store"),
    "sql rejected": ("sql", "SELECT * FROM rejected", "--store"),
    "export": ("export", "--out", "out.csv", "--store"),
    "cite": ("cite", "--store"),
    "why": ("why", "0123456789abcdef01234567", "--store"),
    "compare": ("compare",),
    "series": ("series",),
    "events": ("events",),
    "rejudge": ("ingest", "--rejudge", "--jobs", "1", "--store"),
    "info": ("store", "info"),
    "check": ("store", "check"),
    "compact": ("store", "compact", "--jobs", "1"),
    "forget": ("store", "forget", "--cc", "DE", "--yes", "--jobs", "1"),
    "migrate": ("store", "migrate", "--jobs", "1"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", STORES)
def test_store(name: str, reader: str, path: Path, heavy: Forks) -> None:
    STORES[name](path / "store")
    done = heavy.run(*READERS[reader], str(path / "store"), cwd=path)
    check(done, 0, 2, 6)
