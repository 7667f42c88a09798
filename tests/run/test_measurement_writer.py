"""Test that a measurement is reduced before it is written, also where no address of the user is known."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from probe.privacy.contributor_token import ANNOTATION, token_of
from probe.results import ResultsFile
from probe.run.learned_addresses import LearnedAddresses
from probe.run.measurement_keys import Measured
from probe.run.measurement_writer import MeasurementWriter
from probe.run.vantage import Vantage
from tests.privacy.encoded.fields import planted
from tests.privacy.encoded.search import finds

ADDRESS = "203.0.113.207"
SECRET = bytes(range(32))


def lines_to(file: Path) -> MeasurementWriter:
    async def locate(learned: str | None) -> Vantage:
        return Vantage(probe_asn="AS64500", probe_cc="XX")

    return MeasurementWriter(lambda vantage: ResultsFile.to_file(file), locate, LearnedAddresses())


def measured(test_keys: dict[str, Any]) -> Measured:
    start = datetime(2026, 11, 26, tzinfo=UTC)
    return Measured(test_keys, "web_connectivity", "0.5.28", start, 1.0, None, [], {})


async def test_unknown_address_in_a_title_is_not_written(tmp_path: Path) -> None:
    document = planted("http title", ADDRESS)
    file = tmp_path / "out.jsonl"
    lines = lines_to(file)
    returned = await lines.write(measured(document["test_keys"]))
    path = lines.close()
    assert path is not None
    written = json.loads(path.read_text())
    assert finds(document, ADDRESS) and not finds(written, ADDRESS) and returned == written
    assert "[address-like, 31 characters]" in path.read_text()


async def test_digests_of_two_runs_are_not_comparable(tmp_path: Path) -> None:
    digests = []
    for number in (1, 2):
        lines = lines_to(tmp_path / f"{number}.jsonl")
        written = await lines.write(measured(planted("http title", "plain")["test_keys"]))
        digests.append(written["test_keys"]["requests"][0]["response"]["x_body_sha256"])
        lines.close()
    assert len(set(digests)) == 2


@pytest.mark.parametrize(
    ("secret", "where", "written"),
    [
        (SECRET, {}, True),
        (None, {}, False),
        (SECRET, {"probe_asn": "AS0"}, False),
        (SECRET, {"probe_cc": "ZZ"}, False),
        (SECRET, {"annotations": {"lab": "clean"}}, False),
    ],
    ids=["agreed", "not agreed", "no network", "no country", "lab"],
)
async def test_contributor_token_is_written_only_as_agreed(
    tmp_path: Path, secret: bytes | None, where: dict[str, Any], written: bool
) -> None:
    async def locate(learned: str | None) -> Vantage:
        return replace(Vantage(probe_asn="AS64500", probe_cc="IR"), **where)

    file = tmp_path / "out.jsonl"
    lines = MeasurementWriter(lambda _: ResultsFile.to_file(file), locate, LearnedAddresses(), secret)
    now = datetime.now(UTC)
    document = await lines.write(replace(measured(planted("http title", "plain")["test_keys"]), start=now))
    lines.close()
    assert document["annotations"].get(ANNOTATION) == (token_of(SECRET, now) if written else None)
    assert SECRET.hex() not in file.read_text()
