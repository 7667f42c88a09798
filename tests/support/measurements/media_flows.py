"""Make media entries with known marks of packets, and put them into a measurement."""

from collections.abc import Mapping, Sequence
from typing import Any

from probe.formats.exchanges.media import LOST, MediaFlow


def flow(shape: str, forth: Sequence[int], back: Sequence[int], *, pair: int = 0, **more: Any) -> dict[str, Any]:
    """Return an entry whose lists are given. An empty flow was not established."""
    counts = {"sent": len(forth), "reached": sum(code > LOST for code in forth)}
    returned = sum(code > LOST for code in back)
    keys: dict[str, Any] = {"shape": shape, "pair": pair, "established": bool(forth), **counts, "returned": returned}
    lists = {"late": [0] * len(forth), "forth": list(forth), "back": list(back)}
    return MediaFlow(port=50000, size=160, interval=0.02, **keys, **lists, **more).model_dump()


def with_media(measurement: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a copy of a measurement with these media entries as follow-ups."""
    keys = measurement["test_keys"]
    return {**measurement, "test_keys": {**keys, "x_followups": {**keys["x_followups"], "media": list(entries)}}}
