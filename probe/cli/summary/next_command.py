"""Name the command that is most useful after a result."""

from collections.abc import Iterable, Mapping
from typing import Any

from probe.messages import tr


def next_command(records: Iterable[Mapping[str, Any]]) -> str:
    """Return the command that is most useful after these verdicts, with its purpose."""
    kept = list(records)
    if any(not record["valid"] for record in kept):
        return tr("probe doctor             shows what is wrong with this network")
    accused = [record for record in kept if record["state"] not in {"ok", "insufficient"}]
    if not accused:
        return tr("probe list               shows earlier runs")
    return tr("probe show --why APP     shows the evidence and the rule")
