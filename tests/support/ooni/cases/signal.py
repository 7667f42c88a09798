"""Build measurements of OONI's nettest `signal`.

Servers by version: see probe/analysis/ooni_import/nettests.py. Shapes: https://github.com/ooni/backend,
fastpath/fastpath/tests/data/signal_022.json, signal_2627.json and signal_679.json, commit 32d8349d of 2026-08-20,
opened 2026-11-27.
"""

from collections.abc import Mapping
from typing import Any

from tests.support.ooni.cases.web import measurement

OLD = (
    "textsecure-service.whispersystems.org",
    "storage.signal.org",
    "api.directory.signal.org",
    "cdn.signal.org",
    "cdn2.signal.org",
    "sfu.voip.signal.org",
)
TODAY = ("cdsi.signal.org", "chat.signal.org", "sfu.voip.signal.org", "storage.signal.org")
_LISTS = ("queries", "tcp_connect", "tls_handshakes", "requests")


def signal(version: Any, start: str, hosts: tuple[str, ...], failures: Mapping[str, str] = {}) -> dict[str, Any]:
    """Return a measurement of a day, with a failure for some hosts: of the lookup, else of the handshake."""
    keys: dict[str, Any] = {name: [] for name in _LISTS}
    for number, host in enumerate(dict.fromkeys(hosts)):
        _add_server(keys, host, f"76.223.92.{number + 1}", failures.get(host))
    status = {"signal_backend_status": "blocked" if failures else "ok", "signal_backend_failure": None}
    keys |= {"agent": "redirect", "failed_operation": None, "failure": None, "network_events": []} | status
    return measurement("signal", version, None, keys, measurement_start_time=f"{start} 10:00:05")


def _add_server(keys: dict[str, Any], host: str, address: str, failure: str | None) -> None:
    unknown = failure if failure is not None and failure.startswith("dns_") else None
    answers = [] if unknown else [{"answer_type": "A", "ipv4": address}]
    query = {"hostname": host, "engine": "system", "query_type": "A", "failure": unknown, "answers": answers}
    keys["queries"].append(query)
    if unknown is None:
        keys["tcp_connect"].append({"ip": address, "port": 443, "status": {"success": True, "failure": None}})
        shaken = {"address": None, "server_name": host, "failure": failure, "peer_certificates": []}
        keys["tls_handshakes"].append(shaken | {"no_tls_verify": False})
    response = {"code": 0 if failure else 404, "headers": {}, "body": ""}
    keys["requests"].append({"failure": failure, "request": {"url": f"https://{host}/"}, "response": response})
