"""Test that a store in a bucket gives the answers of the store on the disk, without being copied."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.compare.verdict_table import StoreError, VerdictTable
from probe.analysis.object_storage import bucket_store
from probe.analysis.object_storage.listing import LISTING
from probe.analysis.report.notebook import Verdicts
from probe.analysis.spark.spark_engine import SparkEngine
from probe.analysis.store.maintenance.copy import upload
from probe.analysis.store.query_process import query
from probe.analysis.store.versions import located
from probe.analysis.store.views import Store
from probe.analysis.store.writing.ingest import ingest
from probe.cli import main
from probe.results import ResultsError
from tests.analysis.object_storage.test_copies import grow
from tests.support.servers.object_storage import Server
from tests.support.servers.range_proxy import RangeProxy
from tests.support.store.kills import Killed, killed_at
from tests.support.store.stores import some_lines, store_of, write

pytestmark = pytest.mark.timeout(900)  # the server's start takes minutes on a busy disk
Copied = Callable[[Path], str]
QUESTIONS = (
    ["compare", "STORE", "--json"],
    ["series", "STORE", "--json"],
    ["events", "STORE", "--json"],
    ["sql", "SELECT probe_cc, count(*) FROM measurements GROUP BY ALL ORDER BY ALL", "--store", "STORE"],
    ["sql", "SELECT * FROM observations ORDER BY line_hash, row", "--store", "STORE", "--json"],
    ["sql", "SELECT reason FROM rejected", "--store", "STORE"],
    ["cite", "--store", "STORE", "--json"],
    ["cite", "--store", "STORE", "--card"],
)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Make a store with a rejected line, and with measurements that an interrupted ingest did not load."""
    store = store_of(tmp_path, some_lines(24))
    write(tmp_path / "bad.jsonl", [{}])
    with pytest.raises(Killed), killed_at(1) as steps:
        ingest([tmp_path / "bad.jsonl", write(tmp_path / "late.jsonl", some_lines(27))], store)
    assert steps == ["add", "move"]
    return store


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Any, str, str]]:
    """Return a function that runs `probe`, and returns exit code, stdout and stderr as one line."""

    def run(*words: object) -> tuple[Any, str, str]:
        monkeypatch.setattr(sys, "argv", ["probe", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return ended.value.code or 0, captured.out, " ".join(captured.err.split())

    return run


def test_commands_give_the_answers_of_the_disk(store: Path, in_bucket: Copied, said: Any, tmp_path: Path) -> None:
    place = in_bucket(store)
    for words in QUESTIONS:
        code, near, _ = said(*(store if word == "STORE" else word for word in words))
        assert (code, near != "" or words[0] == "events") == (0, True), words
        assert said(*(place if word == "STORE" else word for word in words)) == (0, near, ""), words
    for table in ("measurements", "observations", "verdicts"):
        written = []
        for number, named in enumerate((store, place)):
            out = tmp_path / f"{table}{number}.jsonl"
            assert said("export", "--store", named, "--out", out, "--table", table)[0] == 0
            written.append(sorted(out.read_text().splitlines()))
        assert written[0] == written[1] != []
    near, far = (json.loads(said("store", "info", named, "--json")[1]) for named in (store, place))
    assert near["waiting"] == 3 and near["rejected_lines"] == 1
    assert far | {"files": 0} == near | {"files": 0}


def test_stores_and_files_of_several_places_count_once(
    server: Server, bucket: str, store: Path, in_bucket: Copied, said: Any, tmp_path: Path
) -> None:
    server.put(f"{bucket}/raw/more.jsonl", "".join(json.dumps(one) + "\n" for one in some_lines(30)).encode())
    other = store_of(tmp_path / "other", some_lines(12))
    near = write(tmp_path / "more.jsonl", some_lines(30))
    place = in_bucket(store)
    code, expected, repeated = said("compare", store, other, near, "--json")
    assert code == 0 and "measurements occur more than once" in repeated
    assert said("compare", place, other, near, "--json") == (0, expected, repeated)
    far = said("compare", other, place, f"s3://{bucket}/raw", "--json")
    assert far[0] == 0 and counts(far[1]) == counts(expected)


def counts(cells: str) -> list[tuple[str, int]]:
    return sorted((str(cell["vantage"]), cell["n"]) for cell in map(json.loads, cells.splitlines()))


def test_python_reads_in_place(store: Path, in_bucket: Copied) -> None:
    place = in_bucket(store)
    far, near = Verdicts(place), Verdicts(store)
    assert far.refused == near.refused != []
    assert far.rows() == near.rows()
    assert far.compare("cc") == near.compare("cc")
    statement = "SELECT * FROM verdicts ORDER BY line_hash, service"
    with Store(place) as one, Store(Path(place)) as same, Store(store) as other:
        assert one.sql(statement) == same.sql(statement) == other.sql(statement)


def test_only_the_columns_and_months_of_a_question_are_read(store: Path, in_bucket: Copied, proxy: RangeProxy) -> None:
    january = "FROM observations WHERE day < '2026-02'"
    with Store(in_bucket(store)) as opened:
        opened.sql("SELECT * FROM observations")  # reads the ends of all files, which are then known
        read: list[int] = []
        for statement in ("SELECT * FROM observations", "SELECT max(failure) FROM observations", f"SELECT * {january}"):
            proxy.forget()
            opened.sql(statement)
            read.append(proxy.bytes_of("/observations/"))
            assert proxy.bytes_of("/measurements/") == proxy.bytes_of("/verdicts/") == 0
        months = [month for month in ("01", "02", "03") if proxy.bytes_of(f"/observations/month=2026-{month}/")]
    everything, column, some = read
    assert 0 < column < everything / 10
    assert 0 < some < everything / 2 and months == ["01"]


def test_few_rows_are_in_memory(store: Path, in_bucket: Copied, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(bucket_store.READ_AHEAD, "batch_size", 7)
    scanner, sizes = bucket_store._Table.scanner, list[int]()

    def noted(table: Any, **asked: Any) -> Any:
        sizes.extend(batch.num_rows for batch in scanner(table, **asked).to_batches())
        return scanner(table, **asked)

    monkeypatch.setattr(bucket_store._Table, "scanner", noted)
    with Store(in_bucket(store)) as opened:
        assert opened.sql("SELECT line_hash FROM observations").num_rows == sum(sizes)
    assert max(sizes) == 7


@pytest.mark.parametrize("way", ["sql", "batches", "process", "table"])
def test_store_that_is_replaced_ends_in_a_sentence(
    way: str, server: Server, bucket: str, store: Path, in_bucket: Copied, tmp_path: Path
) -> None:
    named = located(in_bucket(store))
    assert not isinstance(named, Path)
    opened, table = Store(named), VerdictTable.of_stores([named])
    grow(store, 33)
    upload(store, named.bucket.__class__(f"{bucket}/store", server.files()))
    ways: dict[str, Callable[[], Any]] = {
        "sql": lambda: opened.sql("SELECT sum(hash(because)) FROM verdicts"),
        "batches": lambda: list(opened.batches("SELECT because FROM verdicts")),
        "process": lambda: list(query(named, "SELECT because FROM verdicts", as_text)),
        "table": lambda: table.select("SELECT because FROM verdicts"),
    }
    with pytest.raises(ResultsError, match=r"was changed while it was read\. Run the same command again"):
        ways[way]()
    opened.close()
    with Store(str(named)) as again:  # of the new copy
        assert again.sql("SELECT count(*) AS n FROM measurements").to_pylist() == [{"n": 33}]


def as_text(number: int, row: dict[str, Any]) -> Iterator[str]:
    yield str(row)


def test_damaged_object_is_no_figure(server: Server, bucket: str, store: Path, in_bucket: Copied, said: Any) -> None:
    place = in_bucket(store)
    named = located(place)
    assert not isinstance(named, Path)
    keys = named.listing.keys()
    for path, stored in [*named.files("verdicts").items(), ("store.sqlite", named.listing.files["store.sqlite"])]:
        server.put(f"{bucket}/store/{keys[path]}", b"x" * stored.size)
    code, out, sentence = said("compare", place)
    assert (code, out) == (6, "") and f"{place} cannot be used: " in sentence
    code, out, sentence = said("cite", "--store", place)
    assert (code, out) == (6, "") and f"store.sqlite in {place} is damaged" in sentence


ONE: dict[str, Any] = {"version": 2, "files": {"store.sqlite": [1, "0" * 64]}}
LISTINGS: dict[str, tuple[bytes | None, str]] = {
    "cut": (b'{"version": 2, "fi', "/store.json cannot be read as the list of a store: "),
    "other": (b"[]", "/store.json cannot be read as the list of a store: "),
    "empty": (json.dumps(ONE | {"files": {}}).encode(), "it names no database"),
    "newer": (json.dumps(ONE | {"version": 3}).encode(), "made by a newer release"),
    "older": (json.dumps(ONE | {"version": 1}).encode(), "use probe store migrate on the copy"),
    "half": (None, "because a copy was interrupted"),
}


@pytest.mark.parametrize("kind", LISTINGS)
def test_unusable_stores_are_one_sentence(
    kind: str, server: Server, bucket: str, store: Path, in_bucket: Copied, said: Any
) -> None:
    place, (content, sentence) = in_bucket(store), LISTINGS[kind]
    if content is None:
        server.files().delete_file(f"{bucket}/store/{LISTING}")
    else:
        server.put(f"{bucket}/store/{LISTING}", content)
    for words in (["compare", place], ["sql", "SELECT 1", "--store", place], ["store", "info", place]):
        code, out, found = said(*words)
        assert (code in {2, 6}, out) == (True, "") and sentence in found, words
        assert found.startswith("probe: ") and place in found
    with pytest.raises((StoreError, ResultsError)):
        Verdicts(place)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["sql", "SELECT 1", "--store", "PLACE"], 6, "There is no store in PLACE."),
        (["store", "info", "PLACE"], 6, "There is no store in PLACE."),
        (["compare", "PLACE"], 6, "There are no results files in PLACE."),
        (["sql", "SELECT 1", "--store", "s3://no-such-bucket/x"], 6, "There is no bucket for s3://no-such-bucket/x."),
    ],
)
def test_places_without_a_store_are_one_sentence(
    words: list[str], code: int, sentence: str, bucket: str, said: Any
) -> None:
    place = f"s3://{bucket}/none"
    found = said(*(word.replace("PLACE", place) for word in words))
    assert found[:2] == (code, "") and sentence.replace("PLACE", place) in found[2]


def test_unreachable_server_has_its_exit_code(
    store: Path, in_bucket: Copied, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = in_bucket(store)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    for words in (["compare", place], ["sql", "SELECT 1", "--store", place], ["store", "info", place]):
        code, out, sentence = said(*words)
        assert (code, out) == (4, "") and f"The server of {place} cannot be reached" in sentence


def test_spark_names_the_copy(store: Path, in_bucket: Copied) -> None:
    place = in_bucket(store)
    engine = SparkEngine(None)  # type: ignore[arg-type]
    with pytest.raises(StoreError, match=f"copy the store first: probe store copy {place} DIR"):
        engine.verdict_table([store, located(place)])
