"""Test that a false copy of a measurement cannot take the place of the true one, and is announced."""

import gzip
import json
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.store.maintenance.check import NAMED, check
from probe.analysis.store.maintenance.forget import Selection, forget
from probe.analysis.store.maintenance.rejudge import rejudge
from probe.analysis.store.writing.ingest import ingest
from probe.analysis.store.writing.merge import compact
from tests.cli.results.test_judge import call
from tests.support.store.earlier import CLAIMS, FIXTURES, earlier_store
from tests.support.store.stores import everything, rows_of, some_lines, taken, write

TRUE = some_lines(1)[0] | {"test_name": "telegram", "probe_cc": "IR"}  # blocked
FALSE = TRUE | {
    "test_keys": {**some_lines(3)[2]["test_keys"], **{k: TRUE["test_keys"][k] for k in ("x_run", "x_target")}}
}
SPELLED = dict(reversed(TRUE.items())) | {"report_id": "added by a collector"}


def states(table: VerdictTable) -> list[str]:
    return sorted(state for (state,) in table.select("SELECT state FROM verdicts"))


def test_true_and_false_line_say_different_things(tmp_path: Path) -> None:
    for line, state in ((TRUE, "blocked"), (FALSE, "ok")):
        ingest([write(tmp_path / "a.jsonl", [line])], tmp_path / state)
        assert states(VerdictTable.of_stores([tmp_path / state])) == [state]


@pytest.mark.parametrize("order", list(permutations([TRUE, FALSE, SPELLED])))
def test_order_of_lines_silences_none(order: tuple[dict[str, Any], ...], tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", order)
    assert taken(ingest([file], tmp_path / "store")) == (3, 2, 1, 0)
    assert states(VerdictTable.of_stores([tmp_path / "store"])) == ["blocked", "ok"]


@pytest.mark.parametrize("order", list(permutations([TRUE, FALSE, SPELLED])))
def test_order_of_ingests_silences_none(order: tuple[dict[str, Any], ...], tmp_path: Path) -> None:
    for number, line in enumerate(order):
        ingest([write(tmp_path / f"{number}.jsonl", [line])], tmp_path / "store")
    assert states(VerdictTable.of_stores([tmp_path / "store"])) == ["blocked", "ok"]
    assert len({row["claim"] for row in rows_of(tmp_path / "store", "measurements")}) == 1


@pytest.mark.parametrize("order", list(permutations(["true", "false", "spelled"])))
def test_order_of_sources_silences_none(order: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, line in (("true", TRUE), ("false", FALSE), ("spelled", SPELLED)):
        write(tmp_path / f"{name}.jsonl", [line])
        ingest([tmp_path / f"{name}.jsonl"], tmp_path / name)
    for suffixes in ((".jsonl", ".jsonl", ".jsonl"), ("", ".jsonl", "")):
        sources = [str(tmp_path / (name + suffix)) for name, suffix in zip(order, suffixes, strict=True)]
        assert call("compare", "--json", *sources) == 0
        shown = capsys.readouterr()
        (cell,) = map(json.loads, shown.out.splitlines())
        assert (cell["by_state"], cell["runs"]) == ({"blocked": 1, "ok": 1}, 2)
        assert "1 test of a run has several measurements with different contents" in shown.err
        assert "1 measurement occurs more than once" in shown.err


def test_many_false_copies_do_not_outvote_a_run(tmp_path: Path) -> None:
    """Weigh measurements of one run against each other, but no false one inside the true run."""
    false = [FALSE | {"annotations": {"number": number}} for number in range(1, 4)]
    ingest([write(tmp_path / "a.jsonl", [TRUE, *false])], tmp_path / "store")
    table = VerdictTable.of_stores([tmp_path / "store"])
    assert states(table) == ["blocked", "ok", "ok", "ok"]
    assert table.select("SELECT DISTINCT run_id FROM verdicts") == [("",)]
    assert table.contradictions.tests == 1
    assert table.contradictions.places == (("a.jsonl", 1), ("a.jsonl", 2))


def test_tests_of_one_run_do_not_contradict_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Let a run test one target at several times, and several targets at one time."""
    keys = TRUE["test_keys"]
    other = TRUE | {"test_keys": keys | {"x_target": keys["x_target"] | {"name": "other"}}}
    later, webpage = TRUE | {"measurement_start_time": "2026-01-11 14:00:00"}, TRUE | {"input": "https://a.example/"}
    file = write(tmp_path / "a.jsonl", [TRUE, other, later, webpage, SPELLED])
    assert taken(ingest([file], tmp_path / "store")) == (5, 4, 1, 0)
    assert call("compare", "--json", str(tmp_path / "store")) == 0
    assert "different contents" not in capsys.readouterr().err
    assert list(check(tmp_path / "store")) == []


def test_check_names_both_lines(tmp_path: Path) -> None:
    ingest([write(tmp_path / "a.jsonl", [TRUE]), write(tmp_path / "b.jsonl", [FALSE])], tmp_path / "store")
    (said,) = check(tmp_path / "store")
    run = TRUE["test_keys"]["x_run"]["run_id"]
    assert said.startswith(f"2 measurements name the same test of run {run} and have different contents: a.jsonl, ")
    assert "a.jsonl, line 1, and b.jsonl, line 1." in said


def test_check_of_many_contradictions_is_short(tmp_path: Path) -> None:
    pairs = [line | {"input": f"https://{n}.example/"} for n in range(NAMED + 3) for line in (TRUE, FALSE)]
    ingest([write(tmp_path / "a.jsonl", pairs)], tmp_path / "store")
    said = list(check(tmp_path / "store"))
    assert len(said) == NAMED + 1
    assert said[-1].endswith(": 3.")


def test_forgotten_measurement_can_be_added_again(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", [TRUE, FALSE])
    ingest([file], tmp_path / "store")
    assert forget(tmp_path / "store", Selection(run=TRUE["test_keys"]["x_run"]["run_id"])) == 2
    assert taken(ingest([file], tmp_path / "store")) == (2, 2, 0, 0)


def test_rejected_false_line_does_not_hide_the_true_one(tmp_path: Path) -> None:
    of_lab = FALSE | {"annotations": {"lab": "invented"}}
    file = write(tmp_path / "a.jsonl", [of_lab, TRUE])
    assert taken(ingest([file], tmp_path / "store", lab=True)) == (2, 2, 0, 0)


# -- stores of earlier releases, which know measurements by their claim ------------------------------------------------


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    return earlier_store(CLAIMS, tmp_path)


@pytest.fixture
def respelled(tmp_path: Path) -> Path:
    """Return the lines of the earlier stores in a file with another digest."""
    lines = gzip.decompress((FIXTURES / "lines.jsonl.gz").read_bytes()).splitlines()
    file = tmp_path / "respelled.jsonl"
    file.write_bytes(b"".join(b" " + line + b"\n" for line in lines))
    return file


def test_lines_of_an_earlier_store_are_not_added_twice(earlier: Path, respelled: Path) -> None:
    before = everything(earlier)
    assert ingest([respelled], earlier, lab=True).accepted == 0
    assert everything(earlier) == before
    assert list(check(earlier)) == []


def test_earlier_store_and_file_count_each_line_once(
    earlier: Path, respelled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new, file = str(earlier), str(tmp_path / "new"), str(respelled)
    ingest([respelled], tmp_path / "new", lab=True)
    counts = set()
    for sources in ([old], [new], [old, file], [file, old], [new, old], [old, new, file]):
        assert call("compare", "--json", "--lab", *sources) in (0, 6)
        shown = capsys.readouterr()
        counts.add(sum(json.loads(cell)["n"] for cell in shown.out.splitlines()))
        assert "different contents" not in shown.err
    assert len(counts) == 1 and counts != {0}


def test_rows_of_an_earlier_store_and_new_ones_are_merged(earlier: Path, respelled: Path, tmp_path: Path) -> None:
    before = {row["line_hash"] for row in rows_of(earlier, "measurements")}
    new = write(
        tmp_path / "new.jsonl", [line | {"measurement_start_time": "2026-01-20 13:00:00"} for line in (TRUE, FALSE)]
    )
    ingest([new], earlier)
    compact(earlier)
    rejudge(earlier)
    rows = rows_of(earlier, "verdicts")
    assert all(row["claim"] in (None, row["line_hash"]) for row in rows if row["line_hash"] in before)
    assert len({row["claim"] for row in rows if row["line_hash"] not in before}) == 1
    assert len(list(check(earlier))) == 1
    assert ingest([respelled], earlier, lab=True).accepted == 0
