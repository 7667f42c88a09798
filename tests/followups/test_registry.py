"""Test that the registry knows every kind of follow-up, and that its words are complete."""

from importlib import import_module
from typing import get_args

from probe.followups.registry import REGISTRY, markdown_rows
from probe.formats.followups import FOLLOWUP_KINDS, FollowUp, pieces_of_evidence


def test_registry_holds_every_id_of_the_format() -> None:
    assert set(REGISTRY) == set(FOLLOWUP_KINDS) == set(get_args(FollowUp)) - {""}
    assert all(import_module(followup.module) for followup in REGISTRY.values())


def test_every_kind_is_described() -> None:
    for kind in FOLLOWUP_KINDS.values():
        assert kind.sends and kind.tried.endswith(".") and kind.absence.endswith(".") and kind.sentence, kind.name
        assert kind.triggers in {0, 1}


def test_registry_is_printed_with_one_row_each() -> None:
    rows = markdown_rows()
    assert len(rows) == 2 + len(REGISTRY)
    assert {row.count(" | ") for row in rows[2:]} == {6}


def test_piece_of_evidence_holds_all_kinds_with_its_words() -> None:
    assert pieces_of_evidence()["the echo pair at the test helper"] == ("same_payload_echo", "other_payload_echo")
