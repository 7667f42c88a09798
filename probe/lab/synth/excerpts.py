"""Cut recorded measurements to excerpts of some services, which fit the schema and get the same verdicts."""

from typing import Any

from probe.formats.keys import LISTS
from probe.formats.plain_json import places_of_entries

REFUSED = "connection_refused"  # what the probe records of a helper whose server does not run

Document = dict[str, Any]


def small(measurement: Document, roles: list[str]) -> Document:
    """Return the measurement with one endpoint per service, leaf certificates only, without bodies and packets."""
    keys = measurement["test_keys"]
    services = {role: service for role, service in keys["x_target"]["services"].items() if role in roles}
    for service in services.values():
        service["endpoints"] = service["endpoints"][:1]
    keys["x_target"]["services"] = services
    endpoints = {endpoint for service in services.values() for endpoint in service["endpoints"]}
    _only(keys, endpoints)
    if (keys.get("x_control") or {}).get("test_keys"):
        _only(keys["x_control"]["test_keys"], endpoints)
    return measurement


def _only(keys: Document, endpoints: set[str]) -> None:
    """Keep the transactions of these endpoints, what lookups of their hosts compare, echo pairs, and their entries."""
    hosts = {endpoint.split("//")[1].split("/")[0].split(";")[0].rpartition(":")[0] for endpoint in endpoints}
    records = [
        one
        for one in keys["x_transactions"]
        # One echo pair at the helper stands for every endpoint of its dialect.
        if one["endpoint"] in endpoints
        or one["hostname"] in hosts
        or str(one.get("followup")).endswith(("_echo", "_system_resolver"))
    ]
    _keep(keys, records)
    keys["network_events"], keys["x_packets"] = [], None


def _keep(keys: Document, records: list[Document]) -> None:
    ids = {record["transaction_id"] for record in records}
    keys["x_transactions"] = records
    for holder in (keys, keys.get("x_endpoints") or {}, keys.get("x_followups") or {}):
        for kind in LISTS:
            if kind in holder:
                holder[kind] = [_bare(entry) for entry in holder[kind] if entry["transaction_id"] in ids]


def lightened(measurement: Document) -> Document:
    """Remove IPv6, raw datagrams, headers, and what the schema does not ask of the control."""
    keys = measurement["test_keys"]
    control = (keys.get("x_control") or {}).get("test_keys") or {}
    for half in filter(None, (keys, control)):
        _keep(half, [record for record in half["x_transactions"] if record["family"] != 6])
        for holder in places_of_entries(half):
            for kind in LISTS:
                if kind in holder:
                    holder[kind] = [_thin(entry) for entry in holder[kind] if entry.get("query_type") != "AAAA"]
        if half is control:
            _without_empty_lists(control)
    for known in ("x_run", "x_target"):
        control.pop(known, None)
    return measurement


def _without_empty_lists(control: Document) -> None:
    for holder in places_of_entries(control):
        for kind in [kind for kind in LISTS if holder.get(kind) == []]:
            del holder[kind]


def _thin(entry: Document) -> Document:
    for part in (entry, entry.get("request"), entry.get("response"), *entry.get("x_responses", ())):
        if isinstance(part, dict):  # STUN's response is text
            part.pop("raw_response", None)
            if "headers_list" in part:
                part["headers_list"] = []
            if "headers" in part:
                part["headers"] = {name: value for name, value in part["headers"].items() if name == "Host"}
    return entry


def _bare(entry: Document) -> Document:
    if entry.get("peer_certificates"):
        entry["peer_certificates"] = entry["peer_certificates"][:1]
    if isinstance(entry.get("response"), dict) and entry["response"].get("body"):
        entry["response"]["body"] = ""
    return entry


def without_helper(measurement: Document) -> Document:
    """Return the measurement as if the test helper had been down: no control, and no flow to the helper's echo."""
    keys = measurement["test_keys"]
    keys["x_control"] = {"failure": REFUSED}
    keys["x_run"]["preflight"]["helpers"] = [REFUSED]
    _keep(keys, [one for one in keys["x_transactions"] if not str(one.get("followup")).endswith("_echo")])
    return measurement
