"""Test `probe judge`, `probe rules` and `probe compare`."""

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.rules.regime_rules import REGIMES, UNKNOWN
from probe.analysis.ruleset.tables import KINDS
from probe.analysis.verdicts.app_verdicts import AppVerdict
from probe.analysis.verdicts.network_regimes import RegimeVerdict
from probe.analysis.verdicts.verdicts import judge_measurement, to_json
from probe.cli import main
from probe.lab.recordings import RECORDED
from probe.targets.needs import MEANINGS
from tests.analysis.ooni_import.test_measurements import SAMPLES
from tests.analysis.verdicts.test_services import URL, blocked, web
from tests.results.test_reading import tarball
from tests.support.measurements.lines import GENUINE

CONTRACT = Path(__file__).parents[3] / "docs" / "contract.md"


def call(*words: str) -> int:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as end:
        patch.setattr(sys, "argv", ["probe", *words])
        main()
    return int(end.value.code or 0)


def lines() -> list[dict[str, Any]]:
    fine = web()
    fine.first(URL, GENUINE)
    return [blocked().line(), fine.line()]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "130500-4f2a.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines()))
    return path


def expected(name: str) -> str:
    records = [r for number, line in enumerate(lines(), 1) for r in judge_measurement(line, file=name, number=number)]
    return "".join(to_json(record) + "\n" for record in records)


def test_json_prints_records_only(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("judge", "--json", str(file)) == 0
    out, err = capsys.readouterr()
    assert out == expected(file.name)
    assert err == ""


def test_folder_and_packed_file_are_judged(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packed = file.with_name("packed.jsonl.gz")
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert call("judge", "--json", str(file.parent)) == 0
    assert sorted(capsys.readouterr().out.splitlines()) == sorted(
        (expected(file.name) + expected(packed.name)).splitlines()
    )


def test_bad_lines_are_named_and_others_judged(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = file.read_text().splitlines(keepends=True)
    file.write_text(good[0] + "{ nonsense\n" + '{"test_keys": {}}\n' + "[]\n" + good[1] + '{"torn')
    assert call("judge", "--json", str(file)) == 6
    out, err = capsys.readouterr()
    assert [json.loads(line)["measurement_line"] for line in out.splitlines()] == [1, 5]
    assert [f"{file.name}:{number}:" in err for number in (2, 3, 4, 6)] == [True] * 4
    assert "4 lines could not be used." in err


def test_ooni_tarball_is_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    posts = [json.dumps({"format": "json", "content": SAMPLES[name]}).encode() for name in ("telegram-ok", "tor")]
    can = tarball(tmp_path / "2021081711_IT_telegram.n0.0.tar.gz", *posts)
    assert call("judge", "--json", str(can)) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(record["service"], record["state"]) for record in records] == [
        ("telegram/dc_pool", "ok"),
        ("telegram/web", "ok"),
        ("tor/all", "insufficient"),
    ]
    assert [record["measurement_line"] for record in records] == [1, 1, 2]


def test_text_has_states_and_mechanisms(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("judge", "--plain", str(file)) == 0
    out = capsys.readouterr().out
    assert "telegram/web" in out
    assert "BLOCKED" in out
    assert "tls.reset.sni" in out


def test_by_app_prints_one_object_per_app(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("judge", "--json", "--by", "app", str(file)) == 0
    apps = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(app["app"], app["round"], app["state"], app["needs"]) for app in apps] == [
        ("telegram", 1, "degraded", {"browser": "blocked"}),
        ("telegram", 2, "insufficient", {"browser": "ok"}),
    ]
    assert tuple(apps[0]) == tuple(AppVerdict.__annotations__)


def test_keys_by_app_stand_in_the_contract() -> None:
    section = CONTRACT.read_text().partition("### 7.6 App verdicts")[2].partition("\n## ")[0]
    assert [key for key in AppVerdict.__annotations__ if f"`{key}`" not in section] == []
    assert [need for need, meaning in MEANINGS.items() if f"| `{need}` | {meaning} |" not in section] == []


def test_by_app_prints_the_screen(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("judge", "--by", "app", str(file)) == 0
    assert "telegram  PARTLY TESTED" in (out := capsys.readouterr().out) and "round 2, the last one" in out


def test_by_network_prints_one_object_per_run(capsys: pytest.CaptureFixture[str]) -> None:
    recording = str(RECORDED / "dns-delisting.jsonl.gz")
    assert call("judge", "--json", "--by", "network", recording) == 0
    (network,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert tuple(network) == tuple(RegimeVerdict.__annotations__)
    assert (network["regime"], network["restrictions"]) == ("blocklist", ["national_dns_delisting"])
    denied = next(one["witnesses"] for one in network["regimes"] if one["regime"] == "national_dns_delisting")
    assert {one["shows"] for one in denied} == {"dns_resolver_denies"} and all(
        one["measurement_line"] for one in denied
    )
    assert network["evidence"]["apps_denied"] == 2


def test_by_network_prints_sentences_and_steps(capsys: pytest.CaptureFixture[str]) -> None:
    recording = str(RECORDED / "port-443-reset.jsonl.gz")
    assert call("judge", "--by", "network", recording) == 0
    assert "cuts off all encrypted web connections" in capsys.readouterr().out
    assert call("judge", "--by", "network", "--explain", recording) == 0
    assert (
        "regime rule regime_port_443_reset: degraded" in (out := capsys.readouterr().out)
        and "neutral_reset >= 3" in out
    )


def test_keys_and_regimes_by_network_stand_in_the_contract() -> None:
    section = CONTRACT.read_text().partition("### 7.9 Network regime")[2].partition("\n## ")[0]
    assert [key for key in RegimeVerdict.__annotations__ if f"`{key}`" not in section] == []
    assert [name for name in (*REGIMES, UNKNOWN) if f"| `{name}` |" not in section] == []


def test_by_network_says_nothing_about_measurements_of_ooni(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "ooni.jsonl"
    path.write_text(json.dumps(SAMPLES["telegram-ok"]) + "\n")
    assert call("judge", "--json", "--by", "network", str(path)) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("option", ["--why", "--explain"])
def test_by_app_is_refused_with_evidence_of_services(
    option: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("judge", "--by", "app", option, str(file)) == 2
    assert "need verdicts per service" in capsys.readouterr().err


def test_by_app_reads_measurements_of_ooni(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "ooni.jsonl"
    path.write_text(json.dumps(SAMPLES["telegram-ok"]) + "\n")
    assert call("judge", "--json", "--by", "app", str(path)) == 0
    (app,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (app["app"], app["state"], app["needs"]) == ("telegram", "ok", {"messages": "ok", "browser": "ok"})


def test_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("judge", str(tmp_path / "none.jsonl")) == 6
    assert "none.jsonl" in capsys.readouterr().err


@pytest.mark.parametrize("option", [[], ["--markdown"]])
def test_rules_prints_every_rule(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert call("rules", *option) == 0
    out = capsys.readouterr().out
    assert all(kind in out for kind in KINDS)
    assert all(reason in out for reason in ("invalid_vpn", "dns.injection.bogon"))
    assert "store.absent" in out and "turn.refused" not in out  # no rule uses a reserved mechanism


def test_compare_shows_two_vantage_points(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other" / "b.jsonl"
    other.parent.mkdir()
    other.write_text(json.dumps(lines()[1] | {"probe_cc": "DE", "probe_asn": "AS3320"}) + "\n")
    first = tmp_path / "a.jsonl"
    first.write_text(json.dumps(lines()[0]) + "\n")
    assert call("compare", str(first), str(other)) == 0
    assert "DE Germany AS3320" in capsys.readouterr().out
    assert call("compare", "--json", str(first), str(other)) == 0
    cells = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(cell["vantage"]["cc"], cell["state"], cell["found"]) for cell in cells] == [
        ("DE", "insufficient", "ok"),
        ("XX", "insufficient", "blocked"),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        ("--by", "planet"),
        ("--since", "May"),
        ("--since", "2026-13-01"),
        ("--until", "2026-02-30"),
        ("--only", "cc"),
        ("--baseline", "DE"),
    ],
)
def test_invalid_question_exits_with_2(wrong: tuple[str, str], file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("compare", *wrong, str(file)) == 2
    assert wrong[0] in capsys.readouterr().err


def test_compare_leaves_lab_measurements_out(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(json.dumps(lines()[0] | {"annotations": {"lab": "great-firewall"}}) + "\n")
    assert call("compare", str(file)) == 6
    assert "1 measurement was made inside the lab" in capsys.readouterr().err
    assert call("compare", "--lab", str(file)) == 0
    assert "LAB great-firewall" in " ".join(capsys.readouterr().out.split())
