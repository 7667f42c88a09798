"""Test that the comparison of two commits finds nothing where nothing changed, and all that a changed rule changes."""

import json
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from probe.analysis.engines.sql_engine import Engine
from probe.analysis.pipeline.steps import STATEMENTS
from probe.analysis.verdicts import verdicts
from probe.analysis.verdicts.verdict_records import Record
from probe.analysis.verdicts.verdicts import Flattened, judge_batch
from tests.analysis.equality import judging
from tests.analysis.equality.__main__ import main
from tests.analysis.equality.commands import compare, write
from tests.analysis.equality.differences import BYTES, RAISED, RECORDS, REFUSED, Report, differences
from tests.analysis.equality.judged_file import Unreadable, unpack
from tests.analysis.equality.judging import Outcome
from tests.analysis.equality.sources import (
    GROUPS,
    Line,
    Source,
    cuts_of,
    false_answers,
    hostile,
    lines_of,
    ooni_samples,
    sources_of,
)
from tests.analysis.rules.test_every_rule_fires import RECORDED
from tests.support.hostile.measurements import GOOD
from tests.support.measurements.pipeline_tables import statements_without

RULE = "failure_follows_name_to_neutral_host"
KEY = f"{RULE}:tls:reset"
RECORDING = RECORDED / "sni-reset.jsonl.gz"
NOTHING: frozenset[str] = frozenset()


def some_cuts() -> list[Line]:
    return list(islice(cuts_of(RECORDED / "http-blockpage.jsonl.gz"), 0, None, 20))


def some_answers() -> list[Line]:
    return list(islice(false_answers("all_fails"), 3))


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[Source]:
    made = [one for one in sources_of(6, 7, tmp_path_factory.mktemp("synthetic")) if one.group == "synthetic"]
    return [
        Source("recorded", "sni-reset", partial(lines_of, RECORDING)),
        Source("ooni", "samples", ooni_samples),
        Source("hostile", "made", hostile),
        Source("cuts", "some", some_cuts),
        Source("answers", "some", some_answers),
        *made,
    ]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, sources: list[Source]) -> Path:
    path = tmp_path_factory.mktemp("equality") / "all.zip"
    groups = write(path, sources, 1)
    assert all(count.records for count in groups.values()) and groups["hostile"].refused > 10
    assert groups["synthetic"].measurements == 6
    return path


def without_rule(patch: pytest.MonkeyPatch) -> None:
    left = statements_without(KEY)
    assert [one.name for one, other in zip(left, STATEMENTS, strict=True) if one != other] == ["address_decided"]
    patch.setattr(verdicts, "STATEMENTS", left)


def naming_rule(file: Path, key: str) -> int:
    """Count the records of a file that name the rule, themselves or in an endpoint."""
    with ZipFile(file) as held:
        members = [name for name in held.namelist() if name.endswith(".zst")]
    records = [json.loads(r) for member in members for one in unpack(file, member) for r in one.outcome.records]
    rules: list[Any] = [
        [record["rule_id"]] if key == "rule_id" else [part["rule_id"] for part in record["endpoints"]]
        for record in records
    ]
    return sum(RULE in each for each in rules)


def test_same_code_differs_in_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(file)]) == 0
    assert "No record differs." in capsys.readouterr().out


def test_removed_rule_is_reported_where_it_decided(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without_rule(monkeypatch)
    report = compare(file, 1, NOTHING, NOTHING)
    assert report.counts["rule_id"] == naming_rule(file, "rule_id") > 1
    assert report.counts["endpoints.rule_id"] == naming_rule(file, "endpoints.rule_id") > 1
    assert max(report.counts.values()) == report.counts["endpoints.rule_id"]
    assert report.counts.keys() <= {"rule_id", "endpoints.rule_id", "because", "state", "endpoints.state"}
    assert all(before == RULE != now for _, _, before, now in report.examples["rule_id"])
    assert report.examples["rule_id"][0][1] == "recorded/sni-reset:2 telegram/web"
    assert main(["compare", str(file), "--jobs", "1"]) == 1
    assert f'  recorded/sni-reset:2 telegram/web\n    before "{RULE}"' in capsys.readouterr().out


def test_added_rule_is_reported_too(tmp_path: Path, sources: list[Source], file: Path) -> None:
    path = tmp_path / "without.zip"
    with pytest.MonkeyPatch.context() as patch:
        without_rule(patch)
        write(path, sources[:1], 1)
    report = compare(path, 1, NOTHING, NOTHING)
    named = [record for record in map(json.loads, _recorded_records(file)) if record["rule_id"] == RULE]
    assert report.counts["rule_id"] == len(named) > 1
    assert all(now == RULE != before for _, _, before, now in report.examples["rule_id"])


def _recorded_records(file: Path) -> list[str]:
    return [record for one in unpack(file, "recorded/sni-reset.jsonl.zst") for record in one.outcome.records]


def test_keys_can_be_left_out(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_rule(monkeypatch)
    found = set(compare(file, 1, frozenset({"recorded"}), NOTHING).counts)
    assert set(compare(file, 1, frozenset({"recorded"}), frozenset({"rule_id"})).counts) == found - {"rule_id"}
    left_out = frozenset({"rule_id", "because", "state", "endpoints"})
    assert compare(file, 1, frozenset({"recorded"}), left_out).counts == {}
    assert main(["compare", str(file), "--only", "recorded", "--except", ",".join(left_out), "--jobs", "1"]) == 0


def test_exception_is_an_outcome(monkeypatch: pytest.MonkeyPatch, file: Path, tmp_path: Path) -> None:
    def fail(batch: list[Flattened], engine: Engine) -> list[list[Record]]:
        if any(one.file != "b" for one in batch):
            raise KeyError("tls")
        return judge_batch(batch, engine)

    monkeypatch.setattr(judging, "judge_batch", fail)
    raised, alone = judging.outcomes([("a", GOOD), ("b", GOOD)])
    assert raised == Outcome(raised="KeyError: 'tls'") and alone.records
    report = compare(file, 1, frozenset({"answers"}), NOTHING)
    assert report.counts[RAISED] == report.counts[RECORDS] == 3
    assert main(["write", str(tmp_path / "b.zip"), "--only", "fixtures", "--jobs", "1"]) == 1


def record(**keys: Any) -> str:
    endpoints = [{"endpoint": "a", "state": "ok"}, {"endpoint": "b", "state": keys.pop("inner", "ok")}]
    return json.dumps({"service": keys.pop("service", "x/y"), "state": "ok", "endpoints": endpoints} | keys)


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (Outcome([record()]), Outcome([record()]), []),
        (Outcome([record()]), Outcome([record(state="down")]), [("state", "1 x/y", "ok", "down")]),
        (Outcome([record()]), Outcome([record(inner="down")]), [("endpoints.state", "1 x/y", "ok", "down")]),
        (Outcome([record()]), Outcome([record(hop=None)]), [("hop", "1 x/y", None, None)]),
        (Outcome([record()]), Outcome([]), [(RECORDS, "1", "x/y", "")]),
        (Outcome([record()]), Outcome([record(), record(service="z/y")]), [(RECORDS, "1", "x/y", "x/y z/y")]),
        (Outcome([record()]), Outcome([record(), record()]), [(RECORDS, "1", "x/y", "x/y x/y")]),
        (Outcome([]), Outcome(refused="No."), [(REFUSED, "1", None, "No.")]),
        (Outcome(refused="No."), Outcome(raised="E: x"), [(REFUSED, "1", "No.", None), (RAISED, "1", None, "E: x")]),
        (Outcome([record(n=1)]), Outcome([record(n=1.0)]), [(BYTES, "1 x/y", record(n=1), record(n=1.0))]),
    ],
)
def test_every_kind_of_difference_is_found(before: Outcome, now: Outcome, expected: list[Any]) -> None:
    assert list(differences("1", before, now)) == expected


def test_report_keeps_three_examples() -> None:
    report = Report()
    for number in range(5):
        report.add(differences(str(number), Outcome([record()]), Outcome([record(state="down")])))
    assert report.counts == {"state": 5}
    assert [example[1] for example in report.examples["state"]] == ["0 x/y", "1 x/y", "2 x/y"]


def test_damaged_file_is_refused(tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torn, empty, changed = tmp_path / "torn.zip", tmp_path / "empty.zip", tmp_path / "changed.zip"
    torn.write_bytes(file.read_bytes()[:-200])
    with ZipFile(empty, "w"), ZipFile(file) as whole, ZipFile(changed, "w") as other:
        for name in whole.namelist():
            other.writestr(name, whole.read(name).replace(b'"digest": "', b'"digest": "0'))
    for path in (torn, empty, tmp_path / "none.zip"):
        assert main(["compare", str(path)]) == 2
        assert "was not written by `write`, or not to its end" in capsys.readouterr().err
    with pytest.raises(Unreadable, match=r"the records of .* do not fit their digest"):
        compare(changed, 1, NOTHING, NOTHING)


def test_group_without_measurements_is_refused(
    tmp_path: Path, sources: list[Source], capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "none.zip", [], 1)
    write(tmp_path / "ooni.zip", sources[1:2], 1)
    for words in (["none.zip"], ["ooni.zip", "--only", "ooni,cuts"], ["none.zip", "--only", "cuts"]):
        for command in ("compare", "engines"):
            assert main([command, str(tmp_path / words[0]), *words[1:], "--jobs", "1"]) == 2
            assert "has no measurements of " in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["write", str(tmp_path / "x.zip"), "--only", "recordings"])
    assert "there is no group recordings" in capsys.readouterr().err


def test_all_groups_are_listed(tmp_path: Path) -> None:
    sources = sources_of(0, 1, tmp_path)
    assert [*dict.fromkeys(source.group for source in sources), "synthetic"] == list(GROUPS)
    recordings = {source.name for source in sources if source.group == "recorded"}
    assert recordings == {path.name.removesuffix(".jsonl.gz") for path in RECORDED.iterdir()}
    assert len({(source.group, source.name) for source in sources}) == len(sources)
