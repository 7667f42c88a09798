"""List why a helper offers nothing, for media flows and calls alike."""

from typing import Any

import pytest

from probe.formats import failures as f

ANSWERED: dict[str, Any] = {"failure": None}  # an answer of the helper without offers

WITHOUT_AN_OFFER = pytest.mark.parametrize(
    ("settings", "control", "stopped", "expected"),
    [
        ({}, None, "", "no_helper"),
        ({}, {"failure": f.TIMEOUT}, "", "no_helper"),
        ({}, ANSWERED, "", "not_offered"),
        ({"followups": False}, ANSWERED, "", "no_followups"),
        ({}, {"failure": f.INTERRUPTED}, "by the user", "interrupted"),
        ({}, {"failure": f.INTERRUPTED}, "by its limit", "out_of_time"),
    ],
)
