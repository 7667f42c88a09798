"""Test how deep an answer of a helper may be."""

import json
from typing import Any

import pytest

from probe.control.http_client import DEEPEST, read_object
from probe.http_client.foreign_servers import UnusableAnswer


def nested(levels: int, innermost: Any) -> bytes:
    """Return an object in which `innermost` has this many levels above it."""
    document = innermost
    for level in range(levels):
        document = {"x": document} if level % 2 or level == levels - 1 else [document]
    return json.dumps(document).encode()


@pytest.mark.parametrize("innermost", [0, "text", None, [], {}])
def test_deepest_answer_is_read_and_deeper_ones_are_refused(innermost: Any) -> None:
    assert read_object(nested(DEEPEST - 1, innermost))
    for levels in (DEEPEST, DEEPEST + 1, 200):
        with pytest.raises(UnusableAnswer):
            read_object(nested(levels, innermost))
