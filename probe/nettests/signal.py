"""Signal: can its servers be reached over HTTPS, under its own authorities, and the relay of its calls?

Spec: https://github.com/ooni/spec/blob/master/nettests/ts-029-signal.md
"""

from typing import Any

from probe.formats import failures as f
from probe.formats.keys import Lists
from probe.nettests.nettest import OONI_SPECS, Nettest
from probe.ooni.view import Seen, View, urlgetter_keys


def keys(view: View, lists: Lists) -> dict[str, Any]:
    """OONI's test keys; of a server that was not tried "ok" would be a lie: OONI is told that the run failed."""
    said = summary(view)
    unfinished = view.untried and said["signal_backend_status"] == "ok"
    return urlgetter_keys(lists, *(("top_level", f.INTERRUPTED) if unfinished else (None, None))) | said


def summary(view: View) -> dict[str, Any]:
    """OONI's summary keys (reference/ooni.md 3.4): one failure is enough, and the last one is named."""
    failed = [seen for seen in view.seen if seen.failure is not None]
    last = max(failed, key=_ended, default=None)
    return {
        "signal_backend_status": "ok" if last is None else "blocked",
        "signal_backend_failure": None if last is None else last.failure,
    }


def _ended(seen: Seen) -> float:
    return max((entry.t for entry in seen.entries), default=0.0)


NETTEST = Nettest("signal", "0.2.5", OONI_SPECS + "ts-029-signal.md", keys=keys)
