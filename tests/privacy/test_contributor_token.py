"""Test the contributor token: equal in one month, unlike in others, and absent where the network is hidden."""

import hashlib
import hmac
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from probe.privacy.contributor_token import (
    ANNOTATION,
    SECRET_FILE,
    forget_secret,
    load_secret,
    month_of,
    token_annotation,
    token_of,
)

SECRET = bytes(range(32))
DECEMBER = datetime(2026, 12, 1, 8, tzinfo=UTC)


def test_token_is_a_truncated_hmac_of_label_and_month() -> None:
    digest = hmac.digest(SECRET, b"censorprobe contributor token 2026-12", hashlib.sha256)
    assert token_of(SECRET, DECEMBER) == f"2026-12-{digest[:16].hex()}"


def test_token_is_equal_in_a_month_and_unlike_in_others() -> None:
    same = {token_of(SECRET, DECEMBER.replace(day=day)) for day in range(1, 32)}
    months = {token_of(SECRET, DECEMBER.replace(month=month))[8:] for month in range(1, 13)}
    assert len(same) == 1 and len(months) == 12
    assert token_of(bytes(32), DECEMBER) not in same


def test_month_is_that_of_utc() -> None:
    late = datetime.fromisoformat("2026-12-01T01:00:00+03:00")
    assert month_of(token_of(SECRET, late)) == "2026-11"


@pytest.mark.parametrize("text", ["", "2026-12", "2026-12-" + "a" * 31, "2026-12-" + "A" * 32, "a" * 40, "[scrubbed]"])
def test_other_texts_are_no_token(text: str) -> None:
    assert month_of(text) == ""


def annotation(run: datetime, start: datetime, asn: str = "AS64500", cc: str = "QX") -> dict[str, str]:
    return token_annotation(SECRET, run, start, asn, cc)


def test_hidden_network_has_no_token() -> None:
    assert annotation(DECEMBER, DECEMBER) == {ANNOTATION: token_of(SECRET, DECEMBER)}
    assert annotation(DECEMBER, DECEMBER, asn="AS0") == annotation(DECEMBER, DECEMBER, cc="ZZ") == {}


def test_run_over_the_end_of_a_month_has_one_token() -> None:
    """Give the measurements of the new month none, because `run_id` would link it to the token of the old one."""
    before = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
    assert annotation(before, before) == {ANNOTATION: token_of(SECRET, before)}
    assert annotation(before, DECEMBER) == {}


def test_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "censorprobe"
    secret = load_secret(folder)
    file = folder / SECRET_FILE
    assert len(secret) == 32 and load_secret(folder) == secret
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(folder.stat().st_mode) == 0o700
    forget_secret(folder)
    forget_secret(folder)
    assert not file.exists() and load_secret(folder) != secret


def test_damaged_secret_is_not_used(tmp_path: Path) -> None:
    for text in ("", "00", "no hex"):
        (tmp_path / SECRET_FILE).write_text(text)
        with pytest.raises(ValueError):
            load_secret(tmp_path)
