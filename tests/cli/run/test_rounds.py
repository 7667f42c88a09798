"""Test the table of what was stable in all rounds."""

from typing import Any

import pytest

from probe.cli.found_words import INVALID, ORDER
from probe.cli.run.running import round_lines

TITLES = {"whatsapp": "WhatsApp", "telegram": "Telegram"}


def records(**rounds: list[str]) -> list[dict[str, Any]]:
    return [
        {
            "service": name.replace("__", "/"),
            "target": name.partition("__")[0],
            "state": state,
            "valid": state != INVALID,
        }
        for name, states in rounds.items()
        for state in states
    ]


def table(**rounds: list[str]) -> str:
    return "\n".join(round_lines(records(**rounds), TITLES))


def test_stable_services_are_grouped_by_state_and_others_have_counts() -> None:
    assert table(
        whatsapp__chat=["blocked"] * 3,
        whatsapp__media=["blocked"] * 3,
        telegram__web=["ok", "blocked", "ok"],
        telegram__dc_pool=["ok"] * 3,
    ) == (
        "What 3 rounds found:\n"
        "  Blocked in all rounds: WhatsApp (chat, media)\n"
        "  Working in all rounds: Telegram (dc pool)\n"
        "  telegram/web changed: 1 blocked, 2 ok"
    )


def test_service_that_a_round_left_out_is_not_stable() -> None:
    assert table(whatsapp__chat=["ok"] * 3, telegram__web=["ok"] * 2).splitlines()[-2:] == [
        "  telegram/web: 2 ok",
        "    It was not measured in 1 round.",
    ]


def test_service_that_a_round_did_not_test_to_its_end_has_not_changed() -> None:
    assert table(whatsapp__chat=["ok"] * 2, telegram__web=["blocked", "insufficient"]).splitlines()[-2:] == [
        "  telegram/web: 1 blocked",
        "    It was not measured in 1 round.",
    ]


def test_one_round_has_no_table() -> None:
    assert table(whatsapp__chat=["ok"]) == "" and list(round_lines([], TITLES)) == []


@pytest.mark.parametrize("state", ORDER)
def test_every_state_has_words(state: str) -> None:
    assert f"{state}:" not in table(whatsapp__chat=[state] * 2)


def test_table_fits_in_80_columns() -> None:
    many = {f"whatsapp__service_number_{number}": ["blocked"] * 2 for number in range(20)}
    assert max(map(len, table(**many).splitlines())) < 80
