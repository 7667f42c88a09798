"""Test that a dataset card says what is in a store, in 80 columns, and that no text of a measurement has an effect."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from probe.analysis.report.dataset_card import MOST_NAMED, as_markdown, card_facts
from probe.analysis.report.markdown import code, escaped
from probe.analysis.store.licences import OF_OONI, OF_OURS, licences_of
from probe.analysis.store.writing.ingest import ingest
from tests.support.store.stores import some_lines, store_of, write

DIGEST = re.compile(r"[0-9a-f]{64}")
HOSTILE = "x](http://evil.example) <b> | `*_#\n\n# Heading\n```\n\x1b[31m"


def of_every_kind() -> list[dict[str, Any]]:
    """Return twelve measurements: nine of users, one of them invalid, and one each of the lab, of synth and of OONI."""
    lines = [line | {"software_name": "censorprobe", "test_name": "telegram"} for line in some_lines(12)]
    lines[0]["test_keys"] = lines[0]["test_keys"] | {"x_run": {"preflight": {"vpn": True}}}
    lines[9] |= {"annotations": {"lab": "clean"}, "probe_cc": "XX"}
    lines[10] |= {"annotations": {"synthetic": 3}, "probe_cc": "XA", "probe_asn": "AS4200000001"}
    lines[11] |= {"software_name": "ooniprobe-cli", "probe_cc": "XK", "probe_asn": "AS21246"}  # Kosovo
    return lines


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("card")
    file = write(folder / "from-a-user.jsonl", [*of_every_kind(), {"test_keys": None}, {}, of_every_kind()[1]])
    ingest([file], folder / "store", lab=True)
    return folder


@pytest.fixture(scope="module")
def facts(folder: Path) -> dict[str, Any]:
    return card_facts(folder / "store")


@pytest.fixture(scope="module")
def card(facts: dict[str, Any]) -> str:
    return as_markdown(facts)


def cells_under(heading: str, card: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its head."""
    below = card.split(f"\n{heading}\n")[1].lstrip("\n").split("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in below.splitlines()[2:]]


def test_facts_count_what_is_in_the_store(facts: dict[str, Any]) -> None:
    totals = {"measurements": 12, "valid": 11, "invalid": 1, "without_verdict": 0, "lab": 1, "synthetic": 1, "runs": 2}
    assert facts["totals"] == totals and facts["size"] == "n<1K"
    assert facts["invalid"] == [{"reason": "vpn", "measurements": 1}]
    assert facts["rejected"] == [{"reason": "This line is no measurement: it has no test_keys.", "lines": 2}]
    counts = {row["cc"]: (row["measurements"], row["valid"], row["networks"]) for row in facts["countries"]}
    users = {"DE": (3, 2, 3), "IR": (3, 3, 3), "NA": (3, 3, 3)}
    assert counts == users | dict.fromkeys(("XA", "XK", "XX"), (1, 1, 1))
    assert sum(row["measurements"] for row in facts["networks"]) == 12 and len(facts["networks"]) == 12


def test_card_shows_these_counts(facts: dict[str, Any], card: str) -> None:
    details = dict(cells_under("## Dataset details", card))
    assert details["Measurements"] == "12" and details["of them valid"] == "11" and details["of them synthetic"] == "1"
    assert details["Period"] == "2026-01-11 to 2026-03-11"
    assert cells_under("## Countries", card)[0] == ["DE", "3", "2", "2", "3"]
    assert cells_under("## Contents", card) == [["`telegram`", "12"]]
    assert "1 measurement is synthetic" in card and "1 measurement was made inside an emulated Internet" in card
    assert "- Not usable, 2 lines: This line is no measurement: it has no test\\_keys." in card
    assert "- Lines read: 15. Input files: 1." in card and "Invalid, 1 measurements: `vpn`." in card
    assert facts["citation"]["rules_digest"] in card and OF_OONI.name in card and OF_OURS.name in card


def test_head_is_yaml_with_licences_and_size(card: str) -> None:
    head = yaml.safe_load(card.split("---\n")[1])
    assert head["license"] == ["cc-by-nc-sa-4.0", "cc-by-4.0"] and head["size_categories"] == ["n<1K"]
    assert f"\n# {head['pretty_name']}\n" in card
    assert head["pretty_name"] == "Network interference measurements, 6 countries, 2026-01-11 to 2026-03-11"


def test_card_has_80_columns(card: str) -> None:
    lines = [line for line in card.splitlines() if not DIGEST.search(line) and "pretty_name" not in line]
    assert max(map(len, lines)) < 80


def test_card_names_no_input_file(facts: dict[str, Any], card: str) -> None:
    assert "from-a-user" not in card + json.dumps(facts)


def test_equal_measurements_give_equal_cards(folder: Path, tmp_path: Path, card: str) -> None:
    ingest([folder / "from-a-user.jsonl"], tmp_path / "other", lab=True, jobs=2)
    assert as_markdown(card_facts(tmp_path / "other")) == card


def test_title_says_if_all_is_artificial(tmp_path: Path) -> None:
    for number, title in ((9, "# Measurements of an emulated Internet, XX, 2026-01-11"), (10, "# Synthetic ")):
        file = write(tmp_path / f"{number}.jsonl", of_every_kind()[number : number + 1])
        ingest([file], tmp_path / f"store{number}", lab=True)
        card = as_markdown(card_facts(tmp_path / f"store{number}"))
        assert f"\n{title}" in card and "Users ran these programs" not in card
    real = as_markdown(card_facts(store_of(tmp_path, some_lines(3))))
    assert "Users ran these programs" in real and "synthetic." not in real and "emulated" not in real


def test_networks_beyond_the_table_are_counted(tmp_path: Path) -> None:
    count = MOST_NAMED + 2
    lines = [line | {"probe_asn": f"AS{64500 + n}"} for n, line in enumerate(some_lines(count))]
    card = as_markdown(card_facts(store_of(tmp_path, lines)))
    assert len(cells_under("## Networks", card)) == MOST_NAMED and "Not shown: 2 more, with 2 measurements." in card
    assert f"Networks with a single run: {count}." in " ".join(card.split())


def test_no_text_of_a_measurement_has_an_effect(tmp_path: Path) -> None:
    names = ("test_name", "software_name", "software_version", "run_id")
    lines = [line | dict.fromkeys(names, HOSTILE) for line in some_lines(3)]
    plain, hostile = (
        as_markdown(card_facts(store_of(tmp_path / name, given)))
        for name, given in (("plain", some_lines(3)), ("hostile", lines))
    )
    assert "evil" in hostile and "\x1b" not in hostile
    for mark in (r"^#+ ", r"^```", r"^---", r"\n\n", r"(?<!\\)[<\[\]|]"):
        assert len(re.findall(mark, hostile, re.M)) == len(re.findall(mark, plain, re.M)), mark


NAMES = {"dns.timeout": "`dns.timeout`", "": "-", "a`b": "a\\`b", "a  b": "a b", "-x": "-x", "[a](b)": "\\[a\\](b)"}


@pytest.mark.parametrize(("text", "shown"), NAMES.items())
def test_names_are_code_and_other_texts_escaped(text: str, shown: str) -> None:
    assert code(text) == shown


def test_long_text_is_cut() -> None:
    assert escaped("a" * 500) == "a" * 59 + "…" and code("a" * 500) == "a" * 59 + "…"


def test_licence_follows_from_the_program() -> None:
    assert licences_of(["ooniprobe-android", "miniooni", "censorprobe"]) == [OF_OONI, OF_OURS]
    assert licences_of(["censorprobe"]) == [OF_OURS] and licences_of(["other", ""]) == []
