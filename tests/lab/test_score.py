"""The score: counted by hand for verdicts made by hand, and taken once of a real run."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from probe.lab.expectations import Expectation
from probe.lab.score import Tally, Trial, as_markdown, as_text, nodes, table, tally

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


def test_a_right_verdict_counts_in_every_column() -> None:
    count = counted(record("a/web", "blocked", ["tls.reset.sni"], 4), record("a/chat", "ok"), record("a/portal", None))
    assert (count.verdicts, count.exact, count.wrong) == (3, 3, [])
    assert (count.precision, count.recall) == (1.0, 1.0)
    assert (count.innocent, count.accused) == (2, 0)
    assert (count.hops, count.hops_exact, count.hops_near, count.unlocated) == (1, 1, 1, 0)


def test_an_inner_node_is_two_thirds_found_and_nothing_wrongly_named() -> None:
    count = counted(record("a/web", "blocked", ["tls.reset"], 4))
    assert (count.precision, count.recall) == (1.0, pytest.approx(2 / 3))
    assert count.wrong == ["made 3 a/web: tls.reset.sni -> tls.reset"]


def test_another_leaf_costs_precision_and_recall() -> None:
    count = counted(record("a/web", "blocked", ["tls.reset.sni", "dns.nxdomain"], 4))
    assert (count.precision, count.recall) == (3 / 5, 1.0)


@pytest.mark.parametrize("state", ["blocked", "likely_blocked", "degraded"])
def test_whom_nobody_touches_is_not_to_be_accused(state: str) -> None:
    count = counted(record("a/chat", state), record("a/portal", state))
    assert (count.innocent, count.accused, count.exact) == (2, 2, 0)
    assert count.wrong[0] == f"made 3 a/chat: down/ok -> {state}"


def test_a_careful_wrong_word_is_wrong_and_no_accusation() -> None:
    count = counted(record("a/chat", "insufficient"))
    assert (count.exact, count.accused) == (0, 0)


@pytest.mark.parametrize(("hop", "exact", "near", "unlocated"), [(5, 0, 1, 0), (6, 0, 0, 0), (None, 0, 0, 1)])
def test_hops_are_exact_near_far_or_missing(hop: int | None, exact: int, near: int, unlocated: int) -> None:
    count = counted(record("a/web", "blocked", ["tls.reset.sni"], hop))
    assert (count.hops_exact, count.hops_near, count.unlocated) == (exact, near, unlocated)


def test_a_verdict_that_did_not_come_is_wrong() -> None:
    count = tally(Trial("made", 0, [], code=-1), EXPECT, ["a/web", "a/chat"])
    assert (count.verdicts, count.exact) == (2, 0)
    assert "made 0 a/web: blocked -> none" in count.wrong


def test_tallies_add_up_and_the_largest_stays() -> None:
    whole = counted(record("a/chat", "ok"))
    whole += tally(Trial("made", 4, [record("a/chat", "ok")], seconds=1.0, triggers=12), EXPECT, ["a/chat"])
    assert (whole.runs, whole.exact, whole.seconds, whole.triggers) == (2, 2, 2.0, 12)


def test_ancestors_count() -> None:
    assert nodes(["tls.reset.sni", "dns"]) == {"tls", "tls.reset", "tls.reset.sni", "dns"}


def test_the_table_has_a_row_for_each_and_one_for_all() -> None:
    rows = table(
        {"one": counted(record("a/web", "blocked", ["tls.reset.sni"], 5)), "two": counted(record("a/chat", "ok"))}
    )
    assert [row[0] for row in rows] == ["scenario", "one", "two", "all"]
    assert rows[-1][1:8] == ("2", "2/2", "1.000", "1.000", "0/1", "0/1", "1/1")
    assert {len(line) for line in as_text(rows)} == {len(as_text(rows)[0])}
    assert as_markdown(rows)[1].count("|") == len(rows[0]) + 1


@pytest.mark.lab
def test_a_real_run_is_scored_saved_and_shown_again(tmp_path: Path) -> None:
    saved = tmp_path / "score.json"
    command = [sys.executable, "-m", "probe", "lab", "score"]
    done = subprocess.run(
        [*command, "captive-portal", "--save", str(saved)], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    count = json.loads(saved.read_text())["scenarios"]["captive-portal"]
    assert count["runs"] == 1 and count["verdicts"] == count["exact"] == count["innocent"] > 5
    assert count["bytes_sent"] > 0 and count["accused"] == 0
    shown = subprocess.run([*command, "--show", str(saved)], capture_output=True, text=True, timeout=60)
    assert shown.stdout == done.stdout


def test_a_file_that_holds_no_score_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[]")
    command = [sys.executable, "-m", "probe", "lab", "score", "--show", str(tmp_path / "x.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 6 and "holds no score" in done.stderr and "Traceback" not in done.stderr
