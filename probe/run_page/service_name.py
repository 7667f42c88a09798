"""Name a service on the page."""

from collections.abc import Mapping
from typing import Any

from probe.analysis.observations.lenient_json import text


def service_name(record: Mapping[str, Any]) -> str:
    """Return the name of a service. A web address has only one service, which is not named."""
    target = text(record.get("target"))
    return target if "://" in target else text(record.get("service"))
