"""Read a whole measurement of OONI into a flattened measurement."""

from collections.abc import Callable
from typing import Any

from probe.analysis.measurement_reader import observations
from probe.analysis.observations.flat_measurement import FlatMeasurement
from probe.analysis.observations.lenient_json import address, name, table, text
from probe.analysis.observations.observation import CONTROL, PROBE
from probe.analysis.ooni_import.control import families, read_control
from probe.analysis.ooni_import.endpoint_tests import read_dnscheck, read_messenger, read_stunreachability
from probe.analysis.ooni_import.nettests import NETTESTS
from probe.analysis.ooni_import.ooni_entries import Entry, connects, queries
from probe.analysis.ooni_import.ooni_transactions import Converted
from probe.analysis.ooni_import.web_connectivity import ROLE, is_alike, read_web_connectivity, redirects
from probe.signatures.bogons import is_bogon, is_made_up

OURS = "censorprobe"

_READERS: dict[str, Callable[[Entry, dict[str, dict[str, Any]], Converted], None]] = {
    "telegram": read_messenger,
    "whatsapp": read_messenger,
    "signal": read_messenger,
    "facebook_messenger": read_messenger,
    "stunreachability": read_stunreachability,
    "dnscheck": read_dnscheck,
    "web_connectivity": read_web_connectivity,
}


def is_ooni(measurement: Entry) -> bool:
    """Return True if another program made the measurement: it has a test name, and no target file's data."""
    keys = table(measurement.get("test_keys"))
    named = bool(text(measurement.get("test_name"))) and isinstance(measurement.get("test_keys"), dict)
    return named and not table(keys.get("x_target")) and measurement.get("software_name") != OURS


def read_ooni(measurement: Entry) -> FlatMeasurement:
    """Flatten a measurement of OONI. One of an unknown nettest has no rows, and `unread` is True."""
    test, keys = name(measurement.get("test_name")).replace(" ", "_"), table(measurement.get("test_keys"))
    run: dict[str, Any] = {"run_id": text(measurement.get("report_id"))}
    nettest = NETTESTS.get(test)
    if nettest is None:
        services: dict[str, Any] = {"all": {"endpoints": []}}
        return FlatMeasurement({"name": test, "services": services}, run, (), True, {}, foreign=True, unread=True)
    services, converted = nettest.services(measurement), Converted()
    if not _through_a_proxy(keys) and not nettest.is_outdated(measurement):
        _READERS[test](keys, services, converted)
    run["families"] = {"ipv4": True, "ipv6": _has_ipv6(keys)}
    found = FlatMeasurement(
        target={"name": nettest.target(measurement), "services": _connected(services, keys, converted)},
        run=run,
        bugs=(),
        control_failed=True,
        control_families={},
        foreign=True,
        country=text(measurement.get("probe_cc")),
        rows=list(observations(converted.keys, PROBE)),
    )
    if test == "web_connectivity":
        _add_redirects_and_control(found, keys, services[ROLE]["endpoints"][0])
    return found


def _add_redirects_and_control(found: FlatMeasurement, keys: Entry, url: str) -> None:
    found.redirects, converted = {ROLE: redirects(keys, url)}, Converted()
    answered = {row.address for row in found.rows if row.endpoint == url and row.http_code and row.http_failure is None}
    similar = {ip for ip in answered if not is_bogon(ip)} if is_alike(keys) else set()
    if read_control(keys, (url, *found.redirects[ROLE]), similar, converted):
        found.control_failed, found.control_families = False, families(converted)
        found.rows += observations(converted.keys, CONTROL)


def _through_a_proxy(keys: Entry) -> bool:
    """Return True if the traffic went through a VPN, a proxy, Psiphon or Tor, and not through the user's network."""
    answers = [answer for query in queries(keys) for answer in query["answers"]]
    made_up = any(is_made_up(address(answer.get("ipv4") or answer.get("ipv6"))) for answer in answers)
    return made_up or bool(keys.get("socksproxy") or keys.get("tunnel"))


def _has_ipv6(keys: Entry) -> bool:
    return any(":" in at.address and entry["status"]["success"] for at, entry in connects(keys))


def _connected(services: dict[str, dict[str, Any]], keys: Entry, converted: Converted) -> dict[str, dict[str, Any]]:
    """Return the services. A pool that OONI only connects to is reduced to the endpoints that connected, if any did.

    The app needs one of them. A TCP connect proves nothing, so the pool cannot be `ok`. One failed endpoint of many
    must not make it `impaired` either.
    """
    transactions = converted.keys["x_transactions"]
    connected = {record.get("endpoint") for record in transactions if record["failure"] is None}
    narrowed = {}
    for role, service in services.items():
        urls = service["endpoints"]
        bare = service["works_if"] == "any" and all(url.startswith("tcp://") for url in urls)
        narrowed[role] = service | {"endpoints": [url for url in urls if url in connected] or urls if bare else urls}
    return narrowed
