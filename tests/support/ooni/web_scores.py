"""Score a web_connectivity measurement as OONI's backend does, without fingerprints."""

from typing import Any


def score(keys: dict[str, Any]) -> tuple[float, float]:
    """Return (blocking_general, accuracy). Above 0.5 the first is an anomaly, below 0.5 the second is a failure."""
    blocking, accuracy = keys["blocking"], 1.0
    if any(key.endswith("_failure") and str(value).startswith("unknown_failure") for key, value in keys.items()):
        accuracy = 0.0
    if (
        blocking is None
        or keys["accessible"] is None
        or blocking not in ("dns", "tcp_ip", "http-failure", "http-diff", False)
    ):
        accuracy = 0.0
    return (1.0 if blocking in ("dns", "tcp_ip", "http-failure", "http-diff") else 0.0), accuracy
