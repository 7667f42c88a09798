"""Test `probe stores` and `probe targets check --store-ids` with a store server on loopback."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from probe.cli.results.wipe import everything
from probe.formats.measurement import ooni_date
from probe.results import read_lines, run_files
from probe.stores import store_client
from probe.targets.store_file import load_stores
from probe.targets.target_files import bundled_targets
from tests.cli.results.test_judge import call, lines
from tests.support.servers.app_store import FakeStore, serving

SIGNAL, SKYPE = 874139669, 304878510


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStore]:
    monkeypatch.setattr(store_client, "INTERVAL", 0.0)
    monkeypatch.setattr(store_client, "REST", 0.0)
    file = load_stores(bundled_targets())
    packages = {*file.play_basket, *(app.package for app in file.apps if app.package is not None)}
    with serving(FakeStore({app.id: app.bundle for app in (*file.basket, *file.apps)}, packages)) as made:
        yield made


def stores(store: FakeStore, results: Path, *more: str) -> int:
    return call("stores", "--server", store.url, "--results", str(results), "--yes", *more)


def written(results: Path) -> list[dict[str, Any]]:
    paths = sorted((results / "stores").rglob("*.jsonl"))
    return [line for path in paths for _, line in read_lines(path) if isinstance(line, dict)]


def test_table_names_what_is_missing_and_how_common_that_is(
    store: FakeStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.missing["cn"] = {SIGNAL}
    store.silent.add("iq")
    assert stores(store, tmp_path, "--country", "CN,iq") == 0
    out, err = capsys.readouterr()
    assert "App Store, China: 18 of 19 apps are listed." in out
    assert "App Store, Iraq: the store gave no usable answer." in out and "United States" not in out
    said = " ".join(out.split())
    assert "Signal ABSENT Signal is not in the store of China." in said
    assert "The developer may have chosen so. This is no sign of blocking." in said
    assert "It is missing in 1 of 7 countries that were asked." in said
    assert "This contacts only 127.0.0.1." in err and "saved " in err
    assert len(store.asked) == 8


def test_answers_are_kept_apart_from_runs_and_are_artificial(store: FakeStore, tmp_path: Path) -> None:
    assert stores(store, tmp_path, "--country", "RU", "--cc", "de") == 0
    lines = written(tmp_path)
    assert [line["test_keys"]["storefront"] for line in lines] == [*load_stores(bundled_targets()).controls, "ru"]
    assert {line["annotations"]["lab"] for line in lines} == {"store_server"}
    assert {(line["probe_cc"], line["probe_asn"]) for line in lines} == {("XX", "AS0")}
    assert run_files(tmp_path) == []


def test_other_commands_leave_the_answers_out(
    store: FakeStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stores(store, tmp_path, "--country", "RU") == 0
    capsys.readouterr()
    assert call("list", "--results", str(tmp_path)) == 0
    assert call("validate", str(tmp_path / "stores")) == 0
    assert "7 of 7 lines fit the schema" in capsys.readouterr().out
    assert call("judge", "--json", str(tmp_path)) == 6  # there is no other line
    assert "could not be used" not in capsys.readouterr().err


def test_wipe_finds_the_answers(store: FakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))
    assert stores(store, tmp_path / "results", "--country", "RU") == 0
    (answers,) = (tmp_path / "results" / "stores").rglob("*.jsonl")
    assert answers in everything(tmp_path / "results")


def earlier(results: Path, hours: float) -> None:
    """Move all answers in the folder into the past."""
    for path in sorted((results / "stores").rglob("*.jsonl")):
        lines = [line for _, line in read_lines(path) if isinstance(line, dict)]
        began = datetime.strptime(lines[0]["measurement_start_time"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        moved = began - timedelta(hours=hours)
        folder = path.parents[2] / f"{moved:%Y-%m-%d}" / path.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        at = {"measurement_start_time": ooni_date(moved)}
        (folder / f"{moved:%H%M%S}-{path.name[7:]}").write_text("".join(json.dumps(line | at) + "\n" for line in lines))
        path.unlink()


def test_removal_is_found_in_the_results_folder(
    store: FakeStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stores(store, tmp_path, "--country", "CN") == 0
    store.missing["cn"] = {SIGNAL}
    for hours in (4, 4):
        earlier(tmp_path, hours)
        assert stores(store, tmp_path, "--country", "CN") == 0
        assert "DELISTED" not in capsys.readouterr().out
    earlier(tmp_path, 4)
    assert stores(store, tmp_path, "--country", "CN", "--json") == 0
    rows = {row["app"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    signal = rows["signal"]
    assert (signal["state"], signal["mechanism"], signal["absent_tests"]) == ("delisted", "store.delisted", 3)
    assert rows["whatsapp"]["state"] == "listed" and {row["storefront"] for row in rows.values()} == {"cn"}
    earlier(tmp_path, 1)
    assert stores(store, tmp_path, "--country", "CN") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Signal DELISTED Signal was in the store of China and is missing since" in said
    assert "Who removed it cannot be seen from outside." in said


def test_networks_of_the_country_stand_beside_its_store(
    store: FakeStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked, works = lines()
    name, *_ = {line["test_keys"]["x_target"]["name"] for line in (blocked, works)}
    here = {"probe_cc": "CN", "probe_asn": "AS4134"}
    lab = {"annotations": blocked["annotations"] | {"lab": "great-firewall"}}
    files = {
        "a": blocked | here,
        "b": blocked | here,
        "c": works | here,
        "d": works | {"probe_cc": "DE"},
        "e": blocked | here | lab,
    }
    for file, line in files.items():
        (tmp_path / f"{file}.jsonl").write_text(json.dumps(line) + "\n")
    given = [word for file in files for word in ("--networks", str(tmp_path / f"{file}.jsonl"))]
    assert stores(store, tmp_path / "results", "--country", "CN,RU", *given, "--json") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    beside = {(row["storefront"], row["app"]): row["networks"] for row in rows if row["networks"] is not None}
    assert beside == {("cn", name): {"works": 0, "degraded": 2, "blocked": 0}}
    assert stores(store, tmp_path / "results", "--country", "CN", *given) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "LISTED" in said and "works in 0, works badly in 2, blocked in 0." in said
    assert stores(store, tmp_path / "results", "--country", "CN", "--networks", str(tmp_path / "none.jsonl")) == 6


def test_google_play_is_marked_as_weak(store: FakeStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert stores(store, tmp_path, "--country", "IR", "--google-play", "--json") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {(row["store"], row["storefront"], row["weak"]) for row in rows} == {("google", "ir", True)}
    assert stores(store, tmp_path, "--country", "RU", "--google-play") == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "Google Play, Russia: 18 of 18 apps are listed. This is weak evidence" in out


@pytest.mark.parametrize("fault", ["html", "redirect", "torn", "reset"])
def test_store_without_a_usable_answer_ends_with_4(
    store: FakeStore, tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    store.faults = dict.fromkeys((*load_stores(bundled_targets()).controls, "cn"), fault)
    assert stores(store, tmp_path, "--country", "CN") == 4
    out = capsys.readouterr().out
    assert "China: the store gave no usable answer." in out and "ABSENT" not in out
    assert len(written(tmp_path)) == 7


def test_refusals_end_with_4_and_say_so(store: FakeStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store.burst = 7
    assert stores(store, tmp_path, "--country", "CN,RU,AE,IN,TR") == 4
    out, err = capsys.readouterr()
    assert "China: 19 of 19 apps" in out and "The store refuses further requests," in err
    assert len(store.asked) == 10 and len(written(tmp_path)) == 10


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--country", "IR"], 2, "Apple has no store for 'IR'"),
        (["--country", "China"], 2, "Apple has no store for 'CHINA'"),
        (["--cc", "D"], 2, "'D' is no country code"),
        (["--server", "ftp://store.example"], 2, "is no address of a server"),
        (["--server", "http://224.0.0.1"], 2, "is no address of a server"),
        (["--server", "http://user:pass@127.0.0.1"], 2, "is no address of a server"),
        (["--targets", "/nowhere"], 2, "cannot be read"),
    ],
)
def test_a_wrong_word_is_one_sentence_and_sends_nothing(
    store: FakeStore, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    server = [] if "--server" in words else ["--server", store.url]
    assert call("stores", *server, "--results", str(tmp_path), "--yes", *words) == code
    assert said in capsys.readouterr().err and store.asked == [] and list(tmp_path.iterdir()) == []


def test_nothing_is_sent_without_consent(store: FakeStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("stores", "--server", store.url, "--results", str(tmp_path)) == 3
    assert call("targets", "check", "--store-ids", "--server", store.url) == 3
    assert "no terminal to ask at" in capsys.readouterr().err and store.asked == []


def test_ids_are_checked_at_the_controls(store: FakeStore, capsys: pytest.CaptureFixture[str]) -> None:
    check = ("targets", "check", "--sources", "--store-ids", "--server", store.url, "--yes")
    assert call(*check) == 0
    controls = load_stores(bundled_targets()).controls
    assert [query["country"] for query in store.asked] == [[control] for control in controls]
    for control in controls:
        store.bundles[control] = {SIGNAL: "com.example.fake"}
    store.missing = {control: {SKYPE} for control in controls}  # retired, so its absence is no problem
    assert call(*check) == 6
    err = capsys.readouterr().err
    assert "app signal: 0 of 6 control storefronts list the id 874139669" in err and "skype" not in err
    store.faults = dict.fromkeys(controls[:4], "html")
    assert call(*check) == 4
    assert "Only 2 control storefronts gave a usable answer." in capsys.readouterr().err
