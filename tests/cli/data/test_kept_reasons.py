"""Test `probe why`: a store gives the same evidence as the results file, and wrong identities have a sentence."""

import gzip
import json
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.observations.measurement_identity import identity
from probe.analysis.store.writing.ingest import ingest
from tests.analysis.ooni_import.test_measurements import SAMPLES
from tests.cli.results.test_judge import call
from tests.support.store.stores import some_lines, store_of

RECORDED = Path(__file__).parents[3] / "probe" / "lab" / "recorded"
CHOSEN = ("dtls-dropped", "allowlist-address-neutral", "great-firewall", "clean")
FIRST = 4  # measurements of each file


def said(*words: str) -> tuple[int, str]:
    """Return the exit code, and all that a command prints."""
    out = StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        code = call(*words)
    return code, out.getvalue()


@pytest.mark.parametrize("name", CHOSEN)
def test_store_and_file_give_the_same_evidence(name: str, tmp_path: Path) -> None:
    lines = gzip.decompress((RECORDED / f"{name}.jsonl.gz").read_bytes()).splitlines()[:FIRST]
    for number, line in enumerate(lines):
        _compare(tmp_path / str(number), json.loads(line))


def test_measurement_of_ooni_gives_the_same_evidence(tmp_path: Path) -> None:
    for number, name in enumerate(list(SAMPLES)[:3]):
        _compare(tmp_path / str(number), SAMPLES[name])


def _compare(folder: Path, measurement: dict[str, Any]) -> None:
    folder.mkdir()
    (file := folder / "a.jsonl").write_text(json.dumps(measurement) + "\n")
    ingest([file], folder / "store", lab=True)
    code, from_store = said("why", identity(measurement).hex(), "--store", str(folder / "store"), "--plain")
    assert code == 0
    assert from_store == said("judge", str(file), "--why", "--plain")[1]


def test_beginning_of_an_identity_is_enough(tmp_path: Path) -> None:
    (line,) = some_lines(1)
    store = store_of(tmp_path, [line])
    whole = said("why", identity(line).hex(), "--store", str(store))
    assert whole[0] == 0 and "Decided by" in whole[1]
    assert said("why", identity(line).hex()[:8].upper(), "--store", str(store)) == whole


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ("ffffffffffff", "The store has no measurement ffffffffffff."),
        ("xyz", "xyz is no identity of a measurement."),
        ("' OR 1=1 --", "is no identity of a measurement."),
    ],
)
def test_wrong_identity_has_a_sentence(tmp_path: Path, wanted: str, sentence: str) -> None:
    code, text = said("why", wanted, "--store", str(store_of(tmp_path, some_lines(1))))
    assert code == 6 and sentence in " ".join(text.split())
