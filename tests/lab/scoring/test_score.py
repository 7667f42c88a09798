"""Test the score with made-up verdicts and with one real run."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from probe.cli.run.consent_text import VERSION
from probe.lab.run import Finished
from probe.lab.sandbox.unsupported import BROKEN, LabBroken, LabUnavailable
from probe.lab.scenario.bundled_scenarios import scenario_names
from probe.lab.scenario.expectations import Expectation
from probe.lab.scenario.scenario import find_scenario, load_scenario
from probe.lab.scoring import trials
from probe.lab.scoring.confusion import by_mechanism, by_protocol
from probe.lab.scoring.score import Tally, Trial, nodes, tally
from probe.lab.scoring.score_files import Kind, Score, ScoreError, kind_of, read, read_all, write
from probe.lab.scoring.score_table import against_aims, as_markdown, as_text, sentences, table, total

EXPECT = {
    "a/web": Expectation(state="blocked", mechanisms=["tls.reset.sni"], hop=4),
    "a/chat": Expectation(state=["ok", "down"], mechanisms=[]),
    "a/portal": Expectation(valid=False, invalid_reason="captive_portal"),
}


def record(
    service: str, state: str | None, mechanisms: list[str] | None = None, hop: int | None = None
) -> dict[str, Any]:
    where = None if hop is None else {"ttl": hop, "address": None, "asn": None}
    return {"service": service, "state": state, "mechanisms": mechanisms or [], "hop": where}


def counted(*records: dict[str, Any]) -> Tally:
    return tally(Trial("made", 3, records, seconds=2.0, triggers=9), EXPECT, [row["service"] for row in records])


def test_right_verdict_counts_in_every_column() -> None:
    count = counted(record("a/web", "blocked", ["tls.reset.sni"], 4), record("a/chat", "ok"), record("a/portal", None))
    assert (count.verdicts, count.exact, count.wrong) == (3, 3, [])
    assert (count.precision, count.recall) == (1.0, 1.0)
    assert (count.uncensored, count.accused) == (2, 0)
    assert (count.hops, count.hops_exact, count.hops_near, count.unlocated) == (1, 1, 1, 0)


def test_inner_node_gives_two_thirds_recall_and_full_precision() -> None:
    count = counted(record("a/web", "blocked", ["tls.reset"], 4))
    assert (count.precision, count.recall) == (1.0, pytest.approx(2 / 3))
    assert count.wrong == ["made 3 a/web: tls.reset.sni -> tls.reset"]


def test_wrong_leaf_costs_precision_and_recall() -> None:
    count = counted(record("a/web", "blocked", ["tls.reset.sni", "dns.nxdomain"], 4))
    assert (count.precision, count.recall) == (3 / 5, 1.0)


@pytest.mark.parametrize("state", ["blocked", "likely_blocked", "degraded"])
def test_accusing_an_uncensored_service_is_counted(state: str) -> None:
    count = counted(record("a/chat", state), record("a/portal", state))
    assert (count.uncensored, count.accused, count.exact) == (2, 2, 0)
    assert count.wrong[0] == f"made 3 a/chat: down/ok -> {state}"


def test_wrong_state_without_accusation_is_only_wrong() -> None:
    count = counted(record("a/chat", "insufficient"))
    assert (count.exact, count.accused) == (0, 0)


@pytest.mark.parametrize(("hop", "exact", "near", "unlocated"), [(5, 0, 1, 0), (6, 0, 0, 0), (None, 0, 0, 1)])
def test_hop_is_exact_near_far_or_missing(hop: int | None, exact: int, near: int, unlocated: int) -> None:
    count = counted(record("a/web", "blocked", ["tls.reset.sni"], hop))
    assert (count.hops_exact, count.hops_near, count.unlocated) == (exact, near, unlocated)


def located(hop: int | str | None, found: int | None, *, censor_hop: int) -> Tally:
    expect = {"a/web": Expectation.model_validate({"state": "blocked", "hop": hop})}
    return tally(Trial("made", 3, [record("a/web", "blocked", hop=found)]), expect, ["a/web"], censor_hop=censor_hop)


def test_censor_hop_follows_the_seed() -> None:
    for censor_hop, exact in ((4, 1), (5, 0)):
        count = located("censor", 4, censor_hop=censor_hop)
        assert (count.hops, count.hops_exact, count.hops_near) == (1, exact, 1)
        assert count.wrong == ([] if exact else ["made 3 a/web: hop 5 -> 4"])
    assert located("censor", None, censor_hop=4).wrong == ["made 3 a/web: hop 4 -> none"]


def test_hop_without_expected_hop_is_invented() -> None:
    right, wrong, any_hop = (
        located(hop, found, censor_hop=4) for hop, found in (("none", None), ("none", 4), (None, 4))
    )
    assert (right.hops, right.unlocated, right.invented, right.wrong) == (0, 0, 0, [])
    assert (wrong.hops, wrong.unlocated, wrong.invented, wrong.wrong) == (0, 0, 1, ["made 3 a/web: hop none -> 4"])
    assert (any_hop.hops, any_hop.unlocated, any_hop.invented, any_hop.wrong) == (0, 0, 0, [])


def test_omitted_state_is_not_compared() -> None:
    count = tally(Trial("made", 0, [record("a/web", "blocked")]), {"default": Expectation(mechanisms=[])}, ["a/web"])
    assert (count.verdicts, count.exact, count.uncensored, count.wrong) == (1, 1, 0, [])


@pytest.mark.parametrize(("censored", "uncensored"), [(True, 0), (False, 1)])
def test_impaired_service_beside_a_censor_is_no_look_alike(censored: bool, uncensored: int) -> None:
    expect, trial = {"default": Expectation(state="impaired")}, Trial("made", 0, [record("a/web", "blocked")])
    count = tally(trial, expect, ["a/web"], censored=censored)
    assert (count.uncensored, count.accused) == (uncensored, uncensored)


def test_missing_verdict_is_wrong_and_not_counted_as_uncensored() -> None:
    count = tally(Trial("made", 0, [], code=-1), EXPECT, ["a/web", "a/chat"])
    assert (count.verdicts, count.exact, count.uncensored) == (2, 0, 0)
    assert "made 0 a/web: blocked -> none" in count.wrong


def test_tallies_add_up_and_keep_the_largest() -> None:
    whole = counted(record("a/chat", "ok"))
    whole += tally(Trial("made", 4, [record("a/chat", "ok")], seconds=1.0, triggers=12), EXPECT, ["a/chat"])
    assert (whole.runs, whole.exact, whole.seconds, whole.triggers, whole.seeds) == (2, 2, 2.0, 12, [3, 4])


def test_confusion_pairs_what_was_expected_with_what_was_found() -> None:
    whole = counted(record("a/web", "blocked", ["tls.drop.sni", "dns.nxdomain"], 4), record("a/chat", "ok"))
    whole += counted(record("a/web", "blocked", ["tls.reset.sni"], 4), record("a/chat", "blocked", ["ip.drop"]))
    assert whole.confusion == {
        "tls.reset.sni": {"tls.reset.sni": 1, "dns.nxdomain": 1},
        "none": {"none": 1, "ip.drop": 1, "tls.drop.sni": 1},
    }
    assert by_mechanism(whole.confusion)[1:] == [
        ("tls.reset.sni", "2", "1", "dns.nxdomain 1"),
        ("none", "3", "1", "ip.drop 1, tls.drop.sni 1"),
    ]
    assert by_protocol(whole.confusion) == [
        ("expected, and found", "dns", "ip", "tls", "none"),
        ("dns", "·", "·", "·", "·"),
        ("ip", "·", "·", "·", "·"),
        ("tls", "1", "·", "1", "·"),
        ("none", "·", "1", "1", "1"),
    ]


def test_nodes_include_ancestors() -> None:
    assert nodes(["tls.reset.sni", "dns"]) == {"tls", "tls.reset", "tls.reset.sni", "dns"}


def test_table_has_a_row_for_each_scenario_and_one_for_all() -> None:
    rows = table(
        {"one": counted(record("a/web", "blocked", ["tls.reset.sni"], 5)), "two": counted(record("a/chat", "ok"))}
    )
    assert [row[0] for row in rows] == ["scenario", "one", "two", "all"]
    assert rows[-1][1:8] == ("2", "2/2", "1.000", "1.000", "0/1", "0/1", "1/1")
    assert {len(line) for line in as_text(rows)} == {len(as_text(rows)[0])}
    assert as_markdown(rows)[1].count("|") == len(rows[0]) + 1


def test_sentences_have_look_alikes_and_slowest_runs() -> None:
    counts = {
        name: Tally(1, 2, 2, uncensored=2, seconds=seconds) for name, seconds in (("a", 9.0), ("b", 11.0), ("c", 99.0))
    }
    counts["a"].accused = 1
    printed = list(sentences(Score("abc", "1", {"a": "standard", "b": "standard", "c": "deep"}, counts)))
    assert "look-alikes: 1 of 6 verdicts accuse a network without interference" in printed
    assert "slowest standard run: 11 s (b, limit 60 s)" in printed
    assert "slowest run in depth: 99 s (c)" in printed
    assert not [sentence for sentence in printed if "slow line" in sentence]


def test_totals_are_compared_with_aims() -> None:
    fine = Tally(1, 100, 99, 50, 50, 50, uncensored=2000, hops=20, hops_exact=19, hops_near=20, seconds=60.0)
    kinds: dict[str, Kind] = {"a": "standard", "b": "deep"}
    rows = against_aims(Score("abc", "1", kinds, {"a": fine, "b": Tally(seconds=200.0)}))
    assert rows[0][0] == "2 scenarios, 0 seeds, 1 run, commit abc"
    assert ("states exact", "99 of 100 (99.00%)", "at least 99%") in rows
    assert not [row for row in rows if "missed" in row[2]]
    poor = Tally(1, 100, 98, 40, 50, 40, uncensored=1999, hops=20, hops_exact=18, unlocated=0, invented=1, seconds=60.5)
    rows = against_aims(Score("abc", "1", kinds, {"a": poor}))
    assert [row[0].split(",")[0] for row in rows if "missed" in row[2]] == [
        "states exact",
        "look-alikes accused",
        "mechanisms' recall",
        "hops exact",
        "hops named where none can be known",
        "slowest standard run",
    ]


def test_percentage_is_rounded_down() -> None:
    missed = Tally(runs=1, verdicts=31700, exact=31699, seeds=[0])
    rows = against_aims(Score("abc", "1", {"made": "standard"}, {"made": missed}))
    assert "31699 of 31700 (99.99%)" in {row[1] for row in rows}


def test_page_has_the_saved_score() -> None:
    score = read(Path(__file__).parents[1] / "score.json")
    page = (Path(__file__).parents[3] / "docs" / "score.md").read_text(encoding="utf-8")
    assert "\n".join(as_markdown(against_aims(score))) in page
    confusion = total(score.scenarios).confusion
    assert "\n".join(as_markdown(by_protocol(confusion))) in page
    every = (Path(__file__).parents[1] / "SCORE.md").read_text(encoding="utf-8")
    assert "\n".join(as_markdown(table(score.scenarios))) in every
    assert "\n".join(as_markdown(by_mechanism(confusion))) in every
    assert all(row in every for count in score.scenarios.values() for row in count.wrong)
    assert not set(score.scenarios) - set(scenario_names())


@pytest.mark.parametrize(
    ("name", "kind"),
    [("clean", "standard"), ("thin-line", "slow line"), ("satellite", "slow line"), ("hop-deep", "deep")],
)
def test_slow_access_lines_have_their_own_time_limit(name: str, kind: str) -> None:
    assert kind_of(load_scenario(find_scenario(name))) == kind


def saved(path: Path, seed: int, *, commit: str = "abc", scenario: str = "made") -> Path:
    count = tally(Trial(scenario, seed, [record("a/chat", "ok")], seconds=float(seed)), EXPECT, ["a/chat"])
    write(Score(commit, "1", {scenario: "standard"}, {scenario: count}), path)
    return path


def test_files_of_one_commit_are_merged(tmp_path: Path) -> None:
    paths = [saved(tmp_path / "0", 0), saved(tmp_path / "5", 5), saved(tmp_path / "other", 0, scenario="other")]
    together = read_all(paths)
    assert (together.scenarios["made"].runs, together.scenarios["made"].seeds) == (2, [0, 5])
    assert (together.scenarios["made"].seconds, together.kinds) == (5.0, {"made": "standard", "other": "standard"})
    assert together.scenarios["other"].uncensored == 1
    write(together, tmp_path / "again")
    assert read(tmp_path / "again") == together


def test_files_that_cannot_be_merged_are_errors(tmp_path: Path) -> None:
    one = saved(tmp_path / "one", 0)
    with pytest.raises(ScoreError, match=r"is from commit abc, but .*other is from def. Expected scores of one commit"):
        read_all([one, saved(tmp_path / "other", 1, commit="def")])
    with pytest.raises(ScoreError, match="made with seed 0 is in two of the files"):
        read_all([one, saved(tmp_path / "same", 0)])


@pytest.mark.parametrize(
    ("ends", "code", "made"),
    [(["broken", "broken", "0"], 0, 3), (["broken"] * 4, BROKEN, 3), (["1", "0"], 1, 1), (["crash", "0"], -1, 1)],
)
def test_run_is_repeated_if_the_lab_failed(
    ends: list[str], code: int, made: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Test that a run whose lab failed is repeated. Runs with differences, and those that crash, are not."""
    log = tmp_path / "log"
    log.touch()

    def run_scenario(*_: object, **__: object) -> Finished:
        end = ends[len(log.read_text())]
        log.write_text(log.read_text() + ".")
        if end == "broken":
            raise LabBroken("made")
        return Finished(int(end), [])

    monkeypatch.setattr(trials, "load_once", lambda: None)
    monkeypatch.setattr(trials, "run_scenario", run_scenario)
    found = list(trials.trials(["clean"], [5], jobs=2, targets=tmp_path, consent=VERSION))
    assert [(one.scenario, one.seed, one.code) for one in found] == [("clean", 5, code)]
    assert len(log.read_text()) == made


def test_computer_without_lab_ends_the_score(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def run_scenario(*_: object, **__: object) -> Finished:
        raise LabUnavailable("no namespaces")

    monkeypatch.setattr(trials, "load_once", lambda: None)
    monkeypatch.setattr(trials, "run_scenario", run_scenario)
    with pytest.raises(LabUnavailable, match="no namespaces"):
        list(trials.trials(["clean"], [5, 6], jobs=2, targets=tmp_path, consent=VERSION))


@pytest.mark.lab
def test_real_run_is_scored_saved_and_shown(tmp_path: Path) -> None:
    path = tmp_path / "score.json"
    command = [sys.executable, "-m", "probe", "lab", "score"]
    done = subprocess.run(
        [*command, "captive-portal", "--first-seed", "3", "--save", str(path)],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    count = json.loads(path.read_text())["scenarios"]["captive-portal"]
    assert count["runs"] == 1 and count["seeds"] == [3]
    assert count["verdicts"] == count["exact"] == count["uncensored"] > 5
    assert count["bytes_sent"] > 0 and count["accused"] == 0
    shown = subprocess.run([*command, "--show", str(path)], capture_output=True, text=True, timeout=60)
    assert shown.stdout == done.stdout


def test_file_without_score_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[]")
    command = [sys.executable, "-m", "probe", "lab", "score", "--show", str(tmp_path / "x.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 6 and "has no score" in done.stderr and "Traceback" not in done.stderr
