"""Score a measurement as OONI's backend does (`fastpath/core.py` in ooni/backend 32d8349d), rule by rule."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from packaging.version import InvalidVersion, Version

from tests.support.ooni.facts import FACEBOOK_HOSTS

Line = dict[str, Any]
WHATSAPP_WEB, WHATSAPP_REGISTRATION = "https://web.whatsapp.com/", "https://v.whatsapp.net/v2/register"
TELEGRAM_WEB = {"https://web.telegram.org/", "http://web.telegram.org/"}
SIGNAL_BREAKS = (("0.2.3", datetime(2023, 11, 7)), ("0.2.1", datetime(2022, 10, 19)))  # noqa: DTZ001 (as OONI writes them)
SIGNAL_ENGINE = (Version("3.17.2"), datetime(2023, 5, 2))  # noqa: DTZ001


@dataclass(frozen=True)
class Score:
    """Hold OONI's score "blocking general" and accuracy. Accuracy 0 marks a failed measurement."""

    blocking: float
    accuracy: float = 1.0

    @property
    def anomaly(self) -> bool:
        """Return whether OONI Explorer shows an anomaly."""
        return self.blocking > 0.5

    @property
    def failed(self) -> bool:
        """Return whether OONI Explorer shows a failed measurement."""
        return self.accuracy < 0.5


def score(line: Line) -> Score:
    """Return the score. For a nettest that the backend does not know, accuracy is 0."""
    rule = RULES.get(str(line["test_name"]))
    return Score(0.0, 0.0) if rule is None else rule(line)


def _facebook_messenger(line: Line) -> Score:
    keys = line["test_keys"]
    reachable = [f"facebook_{host}_reachable" for host in FACEBOOK_HOSTS if host != "stun"]
    consistent = [f"facebook_{host}_dns_consistent" for host in FACEBOOK_HOSTS]
    spared = [key for key in (*reachable, *consistent) if "_cdn_" not in key]
    if all(keys.get(key) is True for key in (*spared, "facebook_dns_blocking")) and (
        keys.get("facebook_tcp_blocking") is False
    ):
        return Score(0.0)
    wrong = sum(keys.get(key) is False for key in (*reachable, *consistent))
    wrong += sum(keys.get(key) is True for key in ("facebook_tcp_blocking", "facebook_dns_blocking"))
    return Score(0.5 * wrong)


def _telegram(line: Line) -> Score:
    keys = line["test_keys"]
    connected, refused = _connects(keys)
    asked = [entry for entry in keys.get("requests") or () if entry["request"].get("url") not in TELEGRAM_WEB]
    if any("url" not in entry["request"] for entry in asked):
        return Score(0.0, 0.0)
    failed = sum(entry["failure"] is not None for entry in asked)
    blocking = refused / (connected + refused) if connected + refused else 0.5
    blocking += failed / len(asked) if asked else 0.5
    return Score(blocking + (keys.get("telegram_web_status") == "blocked"))


def _whatsapp(line: Line) -> Score:
    keys = line["test_keys"]
    unknown = any(key.endswith("_failure") and (keys[key] or "").startswith("unknown_failure") for key in keys)
    accuracy = 0.0 if unknown else 1.0
    by_url = {entry.get("request", {}).get("url"): entry for entry in keys.get("requests") or ()}
    if not {WHATSAPP_WEB, WHATSAPP_REGISTRATION} <= by_url.keys():
        return Score(0.0, 0.0)
    if any(by_url[url].get("failure", True) is not None for url in (WHATSAPP_WEB, WHATSAPP_REGISTRATION)):
        return Score(1.0, accuracy)
    connected, refused = _connects(keys)
    if not connected and not refused:
        return Score(0.0, 0.0)
    return Score(0.0 if connected else 1.0, accuracy)


def _signal(line: Line) -> Score:
    keys = line["test_keys"]
    accuracy = 0.0 if keys.get("failed_operation", True) or keys.get("failure", True) else 1.0
    if _is_broken_signal(line):
        return Score(0.0, 0.0)
    status = keys.get("signal_backend_status")
    return Score(float(status == "blocked"), accuracy if status in {"ok", "blocked"} else 0.0)


def _is_broken_signal(line: Line) -> bool:
    """Return whether nettest or engine have a version that the backend knows to be wrong."""
    try:
        version = Version(line.get("test_version") or "0.0.0")
        began = datetime.strptime(line["measurement_start_time"], "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007
        engine = Version((line.get("annotations") or {}).get("engine_version") or "0.0.0")
    except (KeyError, ValueError, InvalidVersion):
        return True
    old = any(version <= Version(last) and began >= since for last, since in SIGNAL_BREAKS)
    return old or str(version) == "0.2.4" or (engine < SIGNAL_ENGINE[0] and began >= SIGNAL_ENGINE[1])


def _stunreachability(line: Line) -> Score:
    return Score(1.0 if line["test_keys"].get("failure") else 0.0)


def _connects(keys: Line) -> tuple[int, int]:
    """Return how many of `tcp_connect` succeeded and failed."""
    successes = [(entry.get("status") or {}).get("success") for entry in keys.get("tcp_connect") or ()]
    return successes.count(True), successes.count(False)


RULES: dict[str, Callable[[Line], Score]] = {
    "facebook_messenger": _facebook_messenger,
    "signal": _signal,
    "stunreachability": _stunreachability,
    "telegram": _telegram,
    "whatsapp": _whatsapp,
}
