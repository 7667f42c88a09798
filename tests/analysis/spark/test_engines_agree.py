"""Test that DuckDB and Spark (local, two workers, Connect) give the same rows, reasons and answers."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from probe.analysis.store.columns import TABLES
from probe.analysis.store.files import table_files
from probe.analysis.store.manifest import files_in, rejected_lines
from probe.analysis.store.views import Store
from probe.analysis.store.writing.sorting import ORDER
from tests.analysis.spark.conftest import LACKING
from tests.real.packages import COMMAND, JAVA
from tests.support.spark.client import checksum, printed
from tests.support.spark.clusters import LOOPBACK, WORKERS, environment, standalone
from tests.support.spark.inputs import lines_of_all_kinds, store_with_events

pytestmark = pytest.mark.timeout(1200)  # most of it for machines with other load
PATIENCE = (
    1000  # seconds for all tasks of one Spark session. The lab's runs come first and may take the cores for minutes.
)
MASTERS = ("local", "standalone", "connect")
QUESTIONS = {
    "compare": ["compare", "{}", "--json"],
    "compare with a baseline": ["compare", "{}", "--json", "--by", "target,cc", "--baseline", "cc=DE", "--lab"],
    "compare some": ["compare", "{}", "--json", "--by", "day,software", "--only", "cc=IR", "--top", "3"],
    "compare two stores": ["compare", "{}", "{}", "--json", "--by", "cc"],
    "series": ["series", "{}", "--json", "--by", "cc", "--since", "2026-10-05", "--until", "2026-11-01"],
    "events": ["events", "{}", "--json"],
}
ON_CLUSTERS = ("ingest", "ingest again", "compare its own store", "compare", "events")


@dataclass
class Answers:
    """Hold an engine's output by command, and its stores: one that it made, one that it rejudged."""

    folder: Path
    outputs: dict[str, str]
    more: dict[str, Any]

    @property
    def store(self) -> Path:
        return self.folder / "store"

    @property
    def rejudged(self) -> Path:
        return self.folder / "rejudged"


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lines_of_all_kinds(tmp_path_factory.mktemp("lines"))


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return store_with_events(tmp_path_factory.mktemp("events") / "store")


def commands(lines: Path, folder: Path, events: Path) -> dict[str, list[str]]:
    """Ingest without and then with measurements of the lab, run the questions, and rejudge a copy."""
    ingest = ["ingest", str(lines), "--store", str(folder / "store"), "--json"]
    return {
        "ingest": ingest,
        "ingest again": [*ingest, "--lab"],
        "compare its own store": ["compare", str(folder / "store"), "--json", "--lab"],
        **{name: [word.format(events) for word in words] for name, words in QUESTIONS.items()},
        "rejudge": ["ingest", "--rejudge", "--store", str(folder / "rejudged"), "--json"],
    }


@pytest.fixture(scope="module")
def duckdb(tmp_path_factory: pytest.TempPathFactory, lines: Path, events: Path) -> Answers:
    folder, outputs = tmp_path_factory.mktemp("duckdb"), dict[str, str]()
    for name, words in commands(lines, folder, events).items():
        if name == "rejudge":
            shutil.copytree(folder / "store", folder / "rejudged")
        outputs[name] = printed([*words, "--jobs", "1"] if words[0] == "ingest" else words)
    return Answers(folder, outputs, {})


def master_of(kind: str, folder: Path, request: pytest.FixtureRequest) -> AbstractContextManager[str]:
    """Start the workers or use the shared Connect server, and yield the URL of the master."""
    if kind == "standalone":
        return standalone(folder)
    return nullcontext("local[2]" if kind == "local" else request.getfixturevalue("connect_server"))


@pytest.fixture(scope="module", params=MASTERS)
def spark(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, lines: Path, events: Path, duckdb: Answers
) -> Iterator[Answers]:
    if LACKING:
        pytest.fail(f"not installed: {JAVA}; to run this: {COMMAND}", pytrace=False)
    folder, alone = tmp_path_factory.mktemp(request.param), request.param == "local"
    shutil.copytree(duckdb.store, folder / "rejudged")
    shutil.rmtree(folder / "rejudged" / "verdicts")  # the files afterwards are written by Spark
    asked = {name: words for name, words in commands(lines, folder, events).items() if alone or name in ON_CLUSTERS}
    with master_of(request.param, folder, request) as master:
        plan = {"master": master, "commands": asked}
        command = [sys.executable, "-m", "tests.support.spark.client"]
        done = subprocess.run(
            command, input=json.dumps(plan), env=environment(folder), capture_output=True, text=True, timeout=PATIENCE
        )
    assert done.returncode == 0, done.stderr[-4000:]
    more = json.loads(done.stdout)
    yield Answers(folder, more.pop("printed"), more)


@pytest.mark.parametrize("table", TABLES)
def test_all_tables_have_same_checksums(spark: Answers, duckdb: Answers, table: str) -> None:
    wanted = _checksum(duckdb.store, table)
    assert int(wanted.split()[0]) > 20
    for store in (spark.store, *([spark.rejudged] if "rejudge" in spark.outputs else [])):
        assert _checksum(store, table) == wanted


def _checksum(store: Path, table: str) -> str:
    with Store(store) as opened:
        return checksum(opened.sql(f"SELECT * FROM {table}").to_pylist())


@pytest.mark.parametrize("table", TABLES)
def test_files_and_their_order_are_equal(spark: Answers, duckdb: Answers, table: str) -> None:
    """Equal files let either engine continue the other's store, and rejudge it file by file."""
    places = [
        {file.parent.relative_to(store) for file in table_files(store, table)} for store in (spark.store, duckdb.store)
    ]
    assert places[0] == places[1]
    keys = ORDER[table].split(", ")
    for file in table_files(spark.store, table):
        rows = pq.read_table(file, columns=keys, partitioning=None).to_pylist()
        assert rows == sorted(rows, key=lambda row: tuple(row.values()))
        own = pq.ParquetFile(file)
        assert own.schema_arrow.equals(pq.read_schema(table_files(duckdb.store, table)[0]))
        assert own.metadata.row_group(0).column(0).compression == "ZSTD"


def test_rejected_lines_and_reasons_are_equal(spark: Answers, duckdb: Answers) -> None:
    wanted = rejected_lines(duckdb.store)
    assert len({reason for *_, reason in wanted}) > 8
    assert rejected_lines(spark.store) == wanted
    read = [[(digest, *n) for digest, _, *n in files_in(one.store)] for one in (spark, duckdb)]
    assert read[0] == read[1]  # except for the names of identical files


def test_counts_are_equal(spark: Answers, duckdb: Answers) -> None:
    for name in {"ingest", "ingest again", "rejudge"} & spark.outputs.keys():
        counted, wanted = (json.loads(one.outputs[name]) | {"seconds": 0} for one in (spark, duckdb))
        assert counted == wanted
        assert all(n > 0 for what, n in wanted.items() if what != "seconds")


def test_answers_have_same_bytes(spark: Answers, duckdb: Answers) -> None:
    questions = {"compare its own store", *QUESTIONS} & spark.outputs.keys()
    assert len(questions) >= 3
    for question in questions:
        assert spark.outputs[question] == duckdb.outputs[question]
        assert len(duckdb.outputs[question].splitlines()) > 1


def test_spark_uses_loopback_only(spark: Answers) -> None:
    assert spark.more["addresses"]
    assert set(spark.more["addresses"]) <= {LOOPBACK, "::1"}


def test_engines_continue_each_others_store(spark: Answers, lines: Path) -> None:
    counts = json.loads(printed(["ingest", str(lines), "--store", str(spark.store), "--json", "--lab", "--jobs", "1"]))
    assert counts["accepted"] == 0
    assert counts["duplicates"] + counts["rejected"] == counts["lines"] > 0


@pytest.mark.parametrize("spark", ["standalone"], indirect=True)
def test_both_workers_run_tasks(spark: Answers) -> None:
    assert all(list((spark.folder / f"worker-{number}").glob("app-*/*/stderr")) for number in range(WORKERS))
