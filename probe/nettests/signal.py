"""Reach Signal's servers over HTTPS with Signal's own authorities, and its call relay.

Spec: https://github.com/ooni/spec/blob/master/nettests/ts-029-signal.md
"""

from typing import Any

from probe.formats import failures as f
from probe.formats.keys import Lists
from probe.nettests.nettest import OONI_SPECS, Nettest
from probe.ooni.view import OONIAttempt, View, urlgetter_keys


def keys(view: View, lists: Lists) -> dict[str, Any]:
    """Return OONI's test keys. If a server was not tried, they report a failed run, because "ok" would be wrong."""
    said = summary(view)
    unfinished = view.untried and said["signal_backend_status"] == "ok"
    return urlgetter_keys(lists, *(("top_level", f.INTERRUPTED) if unfinished else (None, None))) | said


def summary(view: View) -> dict[str, Any]:
    """Return OONI's summary keys. A single failure makes the app blocked, and the last failure is named."""
    failed = [seen for seen in view.seen if seen.failure is not None]
    last = max(failed, key=_ended, default=None)
    return {
        "signal_backend_status": "ok" if last is None else "blocked",
        "signal_backend_failure": None if last is None else last.failure,
    }


def _ended(seen: OONIAttempt) -> float:
    return max((entry.t for entry in seen.entries), default=0.0)


NETTEST = Nettest("signal", "0.2.5", OONI_SPECS + "ts-029-signal.md", keys=keys)
