"""Remove the evidence of a measurement or exchange its labels. A state that stays accusing then rests on nothing.

The tests of the analysis use this, and those of the lab use it on the measurements of every scenario.
"""

import json
from collections.abc import Iterable
from typing import Any

from probe.formats.keys import LISTS

_TARGET, _INNOCUOUS = {"first", "confirm"}, {"innocuous"}
_ANSWERS = {
    "sip": ("code", "second_code", "second_differs", "server"),
    "stun": ("failure", "response", "error_code", "has_realm", "has_nonce", "mapped_family", "contradicted"),
    "mail": ("failure", "starttls", "masked_as", "known_refusal", "contradicted"),
}
"""Fields of an entry that a server's answer decides, by list."""


def without_transactions(measurement: dict[str, Any], ids: Iterable[int]) -> dict[str, Any]:
    """Return the measurement without these transactions of the probe and without their entries."""
    gone = set(ids)

    def spared(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [entry for entry in entries if entry["transaction_id"] not in gone]

    def lists(place: dict[str, Any]) -> dict[str, Any]:
        return {**place, **{name: spared(place[name]) for name in LISTS if place.get(name)}}

    keys = lists(measurement["test_keys"])
    keys |= {holder: lists(keys[holder]) for holder in ("x_endpoints", "x_followups") if keys.get(holder)}
    return {**measurement, "test_keys": keys | {"x_transactions": spared(keys["x_transactions"])}}


def labels_swapped(measurement: dict[str, Any], *, wire_too: bool = False) -> dict[str, Any]:
    """Return the measurement with exchanged labels of target and innocuous flows, echo pairs and resolvers.

    Each attempt with the target's name becomes an innocuous flow and the other way round. The answers of STUN, SIP
    and mail servers here and to the helper are exchanged, and so are those of non-resolvers to both names. `wire_too`
    exchanges the names in the entries as well, so that no entry contradicts its label.
    """
    spoiled: dict[str, Any] = json.loads(json.dumps(measurement))  # a fifth of what copy.deepcopy costs
    keys = spoiled["test_keys"]
    for endpoint, flows in _by_endpoint(keys["x_transactions"]).items():
        del endpoint
        _exchange(flows, keys, wire_too)
    _exchange_resolvers(keys)
    _exchange_dark(keys)
    _exchange_echoes(keys, wire_too)
    _exchange_answers(keys)
    return spoiled


def _by_endpoint(records: list[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for record in records:
        if record["endpoint"]:
            found.setdefault((record["endpoint"], record["address"]), []).append(record)
    return found


def _is_target(record: dict[str, Any]) -> bool:
    return record["kind"] in _TARGET or record["followup"] == "alternative_address"


def _is_innocuous(record: dict[str, Any]) -> bool:
    return record["kind"] in _INNOCUOUS or record["followup"] == "other_name_same_address"


def _exchange(flows: list[dict[str, Any]], keys: dict[str, Any], wire_too: bool) -> None:
    targets, innocuous = list(filter(_is_target, flows)), list(filter(_is_innocuous, flows))
    if not targets or not innocuous:
        return
    names = {targets[0]["sent_name"]: innocuous[0]["sent_name"], innocuous[0]["sent_name"]: targets[0]["sent_name"]}
    as_target = {key: targets[0][key] for key in ("kind", "followup", "sent_name")}
    as_innocuous = {key: innocuous[0][key] for key in ("kind", "followup", "sent_name")} | {"in_residual": False}
    for record in targets:
        record.update(as_innocuous)
    for record in innocuous:
        record.update(as_target)
    if wire_too:
        _rename({r["transaction_id"] for r in targets + innocuous}, names, keys)


def _rename(ids: set[int], names: dict[str, str], keys: dict[str, Any]) -> None:
    for holder in (keys, keys.get("x_endpoints") or {}, keys.get("x_followups") or {}):
        for entry in [*(holder.get("tls_handshakes") or []), *(holder.get("quic_handshakes") or [])]:
            if entry["transaction_id"] in ids:
                entry["server_name"] = names.get(entry["server_name"], entry["server_name"])
                entry["x_verified_name"] = names.get(entry["x_verified_name"], entry["x_verified_name"])
        for entry in holder.get("requests") or []:
            headers = entry["request"]["headers"]
            if entry["transaction_id"] in ids and "Host" in headers:
                headers["Host"] = names.get(headers["Host"], headers["Host"])


def _exchange_resolvers(keys: dict[str, Any]) -> None:
    """Exchange the answers of the system resolver and of encrypted resolvers."""
    queries = [
        entry
        for holder in (keys, keys.get("x_endpoints") or {}, keys.get("x_followups") or {})
        for entry in holder.get("queries") or []
    ]
    labels = ("engine", "resolver_address")
    system = next((entry for entry in queries if entry["resolver_address"] == "system"), None)
    trusted = next((entry for entry in queries if entry["engine"] in {"dot", "doh"}), None)
    if system is None or trusted is None:
        return
    as_system, as_trusted = ({key: entry[key] for key in labels} for entry in (system, trusted))
    for entry in queries:
        if entry["resolver_address"] == "system":
            entry.update(as_trusted)
        elif entry["engine"] in {"dot", "doh"}:
            entry.update(as_system)


def _exchange_dark(keys: dict[str, Any]) -> None:
    """Exchange the answers of non-resolvers to the innocuous name and to the target's name."""
    labels = {"dark_resolver": "dark_innocuous", "dark_innocuous": "dark_resolver"}
    for record in keys["x_transactions"]:
        if record["address"] == "helper":
            record["followup"] = labels.get(record["followup"], record["followup"])
    preflight = keys["x_run"].get("preflight") or {}
    if preflight.get("dark_answers") is not None:
        preflight["dark_answers"] = not preflight["dark_answers"]


def _exchange_echoes(keys: dict[str, Any], wire_too: bool) -> None:
    """Exchange the two datagrams of the echo pair."""
    labels = {"same_payload_echo": "other_payload_echo", "other_payload_echo": "same_payload_echo"}
    for record in keys["x_transactions"]:
        record["followup"] = labels.get(record["followup"], record["followup"])
    entries = (keys.get("x_followups") or {}).get("echoes") or []
    own = next((entry["payload"] for entry in entries if entry["payload"] != "other"), None)
    if wire_too and own is not None:
        for entry in entries:
            entry["payload"] = own if entry["payload"] == "other" else "other"


def _exchange_answers(keys: dict[str, Any]) -> None:
    """Exchange what each STUN, SIP and mail server answers here and to the helper."""
    outside = (keys.get("x_control") or {}).get("test_keys") or {}
    for name, fields in _ANSWERS.items():
        here, there = _first_answers(name, keys), _first_answers(name, outside)
        for side, other in ((keys, there), (outside, here)):
            for entry in _entries(name, side):
                answer = other.get(_dialogue(entry))
                entry.update({field: answer.get(field) for field in fields} if answer else {})


def _first_answers(name: str, keys: dict[str, Any]) -> dict[tuple[str, ...], dict[str, Any]]:
    """Return a copy of the first entry of each dialogue."""
    return {_dialogue(entry): dict(entry) for entry in reversed(_entries(name, keys))}


def _dialogue(entry: dict[str, Any]) -> tuple[str, ...]:
    return (entry["address"], *(entry.get(key, "") for key in ("transport", "protocol", "operation")))


def _entries(name: str, keys: dict[str, Any]) -> list[dict[str, Any]]:
    holders = (keys, keys.get("x_endpoints") or {}, keys.get("x_followups") or {})
    return [entry for holder in holders for entry in holder.get(name) or []]
