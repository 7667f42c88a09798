"""List the servers that each version of OONI's nettest `signal` tested, and the times when its results mean nothing.

Source: https://github.com/ooni/probe-cli, internal/experiment/signal/signal.go (until 2023-01-16 in
internal/engine/experiment/signal), opened 2026-11-27 at each commit that changed the list.

- 5e5cfa72 of 2021-02-26: version 0.2.0, six servers. Versions 0.2.1 and 0.2.2 keep them.
- db85adbf of 2023-05-10: without api.directory.signal.org, in 0.2.2 (releases from 3.17.2) and 0.2.3.
- 6545faca of 2023-11-21: version 0.2.4, twelve servers.
- a0d4b5c7 of 2023-12-01: version 0.2.5, the four servers of today.

OONI's scorer drops measurements for the reasons below (https://github.com/ooni/backend, fastpath/fastpath/core.py,
score_signal, commit 32d8349d of 2026-08-20, opened 2026-11-27).
"""

import re
from typing import Any

from probe.analysis.observations.lenient_json import text

_OLD = {
    "chat": ["https://textsecure-service.whispersystems.org:443/"],
    "storage": ["https://storage.signal.org:443/"],
    "directory": ["https://api.directory.signal.org:443/"],
    "cdn": ["https://cdn.signal.org:443/", "https://cdn2.signal.org:443/"],
    "group_calls": ["https://sfu.voip.signal.org:443/"],
}
_TODAY = {
    "chat": ["https://chat.signal.org:443/"],
    "storage": ["https://storage.signal.org:443/"],
    "directory": ["https://cdsi.signal.org:443/"],
    "group_calls": ["https://sfu.voip.signal.org:443/"],
}
_LAST_OLD, _WITH_ALL_SERVERS, _WITH_NEW_ROOT = (0, 2, 3), (0, 2, 4), (0, 2, 2)
_ROOT_REPLACED = "2022-10-19"  # Signal's servers got certificates of a new root, which 0.2.2 knows
_DIRECTORY_REMOVED = "2023-05-02"  # api.directory.signal.org is gone (https://github.com/ooni/backend/issues/679)
_SERVERS_REPLACED = "2023-11-07"  # the old servers fail everywhere (https://github.com/ooni/probe/issues/2627)


def signal_servers(measurement: dict[str, Any]) -> dict[str, list[str]]:
    """Return the endpoints of each service, as the measurement's version tested them."""
    if _version(measurement) > _LAST_OLD:
        return _TODAY
    removed = _start(measurement) >= _DIRECTORY_REMOVED
    return {role: urls for role, urls in _OLD.items() if not (removed and role == "directory")}


def is_outdated(measurement: dict[str, Any]) -> bool:
    """Return True if the probe knew the wrong roots or servers, so that its failures say nothing about the network."""
    version, start = _version(measurement), _start(measurement)
    without_root = version < _WITH_NEW_ROOT and start >= _ROOT_REPLACED
    without_servers = version <= _LAST_OLD and start >= _SERVERS_REPLACED
    return version == _WITH_ALL_SERVERS or without_root or without_servers


def _version(measurement: dict[str, Any]) -> tuple[int, ...]:
    """Return the nettest's version as numbers. One that is invalid counts as today's."""
    found = re.fullmatch(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})", text(measurement.get("test_version")), re.ASCII)
    return tuple(map(int, found.groups())) if found else (1,)


def _start(measurement: dict[str, Any]) -> str:
    return text(measurement.get("measurement_start_time"))[:10]
