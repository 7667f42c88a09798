"""Test the cells of a comparison, with equal results from files and from a store."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from probe.analysis.compare.axes import Question
from probe.analysis.compare.cells import Cell, Comparison, compare
from probe.analysis.compare.verdict_table import StoreError, VerdictTable
from probe.analysis.verdicts.verdict_row import VerdictRow
from tests.support.measurements.verdict_rows import blocked, rows, store, table

pytestmark = pytest.mark.usefixtures("one_contributor_is_enough")

Laid = Callable[..., Comparison]


@pytest.fixture(params=["files", "store"])
def lay(request: pytest.FixtureRequest, tmp_path: Path) -> Laid:
    """Compare rows from memory and from Parquet, and check that both agree."""
    folders = (tmp_path / f"store{number}" for number in count())

    def laid(*groups: Iterable[VerdictRow], top: int = 0, **question: object) -> Comparison:
        source = table(*groups) if request.param == "files" else store(next(folders), *groups)
        return compare(source, Question(**question), top)  # type: ignore[arg-type]

    return laid


def only(comparison: Comparison) -> Cell:
    ((_, (cell,)),) = comparison.rows()
    return cell


@pytest.mark.parametrize(
    ("good", "bad", "state", "found"),
    [
        (0, 5, "blocked", "blocked"),
        (1, 4, "blocked", "blocked"),
        (2, 3, "blocked", "blocked"),
        (0, 4, "insufficient", "blocked"),
        (4, 1, "ok", "ok"),
        (1, 1, "insufficient", "ok"),
    ],
)
def test_state_needs_most_of_five_runs(lay: Laid, good: int, bad: int, state: str, found: str) -> None:
    cell = only(lay(rows(good), blocked(bad)))
    assert (cell.state, cell.found, cell.n, cell.runs) == (state, found, good + bad, good + bad)
    assert sum(cell.by_state.values()) == cell.n


def test_uncounted_measurements_are_set_aside_with_reason(lay: Laid) -> None:
    cell = only(
        lay(
            blocked(5),
            rows(7, "insufficient", proof=""),
            rows(2, "", valid=False, invalid_reason="captive_portal"),
            rows(9, "likely_blocked", "tcp.timeout", ipv6_broken=True),
        )
    )
    assert (cell.state, cell.n, cell.by_state) == ("blocked", 5, {"blocked": 5})
    assert cell.set_aside == {"captive_portal": 2, "insufficient": 7, "ipv6_broken": 9}


def test_broken_ipv6_keeps_decisive_artefacts(lay: Laid) -> None:
    assert only(lay(blocked(5, ipv6_broken=True))).state == "blocked"


def test_gap_is_not_ok(lay: Laid) -> None:
    comparison = lay(blocked(5), rows(5, probe_cc="DE"), rows(5, probe_cc="DE", service="telegram/dc_pool"))
    gap = comparison.cells["telegram/dc_pool", comparison.vantages.index({"cc": "IR", "asn": "AS64500"})]
    assert (gap.state, gap.found, gap.n, gap.witness, gap.difference) == ("insufficient", None, 0, None, None)


def test_cell_without_counted_measurements_is_insufficient(lay: Laid) -> None:
    cell = only(lay(rows(9, "insufficient", proof="")))
    assert (cell.state, cell.found, cell.n) == ("insufficient", None, 0)


def test_example_is_newest_measurement_with_state(lay: Laid) -> None:
    cell = only(
        lay(
            blocked(5, day="2026-11-20", measurement_file="old.jsonl", measurement_line=9),
            blocked(1, day="2026-11-22", measurement_file="the one.jsonl", measurement_line=7),
            rows(1, day="2026-11-23"),
        )
    )
    assert cell.witness is not None
    assert (cell.witness.file, cell.witness.line, cell.witness.service) == ("the one.jsonl", 7, "telegram/web")


def test_example_of_uncounted_cell_is_newest(lay: Laid) -> None:
    cell = only(lay(rows(1, "", valid=False, invalid_reason="vpn", measurement_line=7)))
    assert (cell.n, cell.found, cell.set_aside) == (0, None, {"vpn": 1})
    assert cell.witness is not None and cell.witness.line == 7


def test_networks_have_names_and_are_sorted(lay: Laid) -> None:
    cell = only(lay(blocked(2, network=""), blocked(3), blocked(6, probe_asn="AS3320", network=""), by=("cc",)))
    assert [(network.asn, network.n, network.found) for network in cell.networks] == [
        ("AS3320", 6, "blocked"),
        ("AS64500", 5, "blocked"),
    ]
    assert "Telekom" in cell.networks[0].name
    assert cell.networks[1].name == "Example Mobile"


def test_reporters_are_counted_as_runs(lay: Laid) -> None:
    assert only(lay(blocked(6, run_id="same"))).reporters_max == 1
    assert only(lay(blocked(6, run_id=""))).reporters_max == 6


def test_mechanisms_need_half_of_accusing_measurements(lay: Laid) -> None:
    rare = blocked(2, mechanisms="dns.injection.bogon tls.reset.sni")
    assert only(lay(blocked(6), rare, rows(1))).mechanisms == ["tls.reset.sni"]


def on_networks(many: int, cc: str, kind: Callable[..., list[VerdictRow]] = rows) -> list[VerdictRow]:
    return [row for number in range(many) for row in kind(3, probe_cc=cc, probe_asn=f"AS{number}")]


def test_difference_is_tested_against_baseline(lay: Laid) -> None:
    groups = on_networks(6, "IR", blocked), on_networks(6, "DE"), on_networks(9, "RU", blocked)
    comparison = lay(*groups, baseline=(("cc", "DE"),), by=("cc",))
    assert comparison.vantages[0] == {"cc": "DE"} and comparison.baseline
    germany, *others = comparison.rows().__next__()[1]
    (iran,) = [cell for cell in others if cell.vantage["cc"] == "IR"]
    assert germany.difference is None
    assert iran.difference is not None and iran.difference.worse
    assert iran.difference.baseline == {"cc": "DE"}
    assert iran.difference.p_value == iran.difference.p_value_uncorrected < 1e-4  # the larger of two p-values


def test_small_named_baseline_marks_and_a_blocked_one_does_not(lay: Laid) -> None:
    """Learn from other vantage points that clean sources rarely fail."""
    others = [on_networks(3, cc) for cc in ("FR", "IT", "ES", "PT")]
    groups = on_networks(3, "IR", blocked), on_networks(2, "DE"), on_networks(3, "RU", blocked), *others
    for cc, marked in (("DE", True), ("RU", False)):
        cells = lay(*groups, baseline=(("cc", cc),), by=("cc",)).rows().__next__()[1]
        (iran,) = [cell for cell in cells if cell.vantage["cc"] == "IR"]
        assert iran.difference is not None and (iran.difference.worse, iran.q_value < 0.01) == (marked, True)


def test_difference_is_tested_against_robust_baseline(lay: Laid) -> None:
    comparison = lay(on_networks(6, "IR", blocked), on_networks(3, "DE"), on_networks(3, "FR"), by=("cc",))
    cell = comparison.cells["telegram/web", 0]
    assert cell.difference is not None
    assert (cell.difference.baseline, cell.difference.columns) == (None, 2)
    assert cell.difference.p_value_uncorrected == pytest.approx(1 / 924)
    assert cell.difference.p_value == pytest.approx(3 / 924)


def test_top_keeps_largest_vantage_points(lay: Laid) -> None:
    comparison = lay(rows(9, probe_cc="DE"), rows(5, probe_cc="FR"), rows(2, probe_cc="RU"), top=1, by=("cc",))
    assert comparison.vantages == [{"cc": "DE"}]
    assert comparison.left_out == (2, 7)


def test_since_is_inclusive_and_until_exclusive(lay: Laid) -> None:
    days = [rows(1, day=f"2026-11-{number}") for number in (20, 21, 22, 23)]
    assert only(lay(*days, since="2026-11-21", until="2026-11-23")).n == 2


def test_only_keeps_named_rows_and_baseline(lay: Laid) -> None:
    groups = rows(1, probe_cc="DE"), rows(1, probe_cc="FR"), rows(1, probe_cc="IR")
    comparison = lay(*groups, only=(("cc", "IR"),), baseline=(("cc", "DE"),), by=("cc",))
    assert comparison.vantages == [{"cc": "DE"}, {"cc": "IR"}]


def test_values_of_options_are_never_sql(lay: Laid) -> None:
    assert not lay(rows(1), only=(("cc", "' OR 1 = 1 --"),)).services
    quoted = lay(rows(2, service="D'E?"), rows(1), only=(("service", "D'E?"),), since="2026-01-01")
    assert only(quoted).n == 2


def test_lab_measurements_are_separate(lay: Laid) -> None:
    groups = rows(5), blocked(5, lab="sni-reset")
    assert [cell.state for cell in lay(*groups, lab=True).cells.values()] == ["ok", "blocked"]


def test_lab_measurements_alone_give_no_cells() -> None:
    assert not compare(table(blocked(5, lab="sni-reset")), Question()).services


def test_rows_by_target_and_columns_by_day(lay: Laid) -> None:
    pooled = lay(rows(3), rows(3, service="telegram/dc_pool", day="2026-11-25"), by=("day",), row="target")
    assert [(cell.service, cell.vantage, cell.n) for cell in pooled.cells.values()] == [
        ("telegram", {"day": "2026-11-24"}, 3),
        ("telegram", {"day": "2026-11-25"}, 3),
    ]


def two_versions(*, days: tuple[str, str], asns: tuple[str, ...] = ("AS1", "AS2")) -> list[VerdictRow]:
    fine = [row for asn in asns for row in rows(4, probe_asn=asn, day=days[0])]
    failing = [row for asn in asns for row in blocked(4, probe_asn=asn, day=days[1], software_version="0.0.9")]
    return fine + failing


def test_failures_of_one_version_are_set_aside(lay: Laid) -> None:
    comparison = lay(two_versions(days=("2026-11-24", "2026-11-24")), by=("cc",))
    assert comparison.instrument == [("telegram/web", "censorprobe 0.0.9")]
    assert (only(comparison).state, only(comparison).set_aside) == ("ok", {"instrument": 8})


@pytest.mark.parametrize(
    "verdicts",
    [
        two_versions(days=("2026-11-24", "2026-11-25")),  # the block begins while the version spreads
        [replace(row, software_name=row.software_version) for row in two_versions(days=("2026-11-24", "2026-11-24"))],
        two_versions(days=("2026-11-24", "2026-11-24"), asns=("AS1",)),  # one network alone is not enough
        two_versions(days=("2026-11-24", "2026-11-24"))
        + [
            row for asn in ("AS8", "AS9") for row in rows(5, probe_asn=asn, software_version="0.0.9")
        ],  # the version works on another network
    ],
    ids=["days", "software", "network", "elsewhere"],
)
def test_possible_network_failures_are_counted(verdicts: list[VerdictRow]) -> None:
    assert compare(table(verdicts), Question(by=("cc",))).instrument == []


def test_repeated_measurement_counts_once() -> None:
    once = rows(3)
    assert only(compare(table(once, once), Question())).n == 3


def test_invalid_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be read as a store"):
        VerdictTable.of_stores([tmp_path])


def test_text_in_rows_is_never_sql(lay: Laid) -> None:
    evil = "'); DROP TABLE verdicts; --"
    cell = only(lay(blocked(5, service=evil, measurement_file=evil, run_id=evil, software_version=evil)))
    assert (cell.service, cell.n) == (evil, 5)
    assert cell.witness is not None and cell.witness.file == evil
