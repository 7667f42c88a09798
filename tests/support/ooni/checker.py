"""Check a measurement against the rules by which OONI's tools (commits in facts.py) refuse or lose one."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from packaging.version import InvalidVersion, Version

from tests.support.ooni.facts import BASE_KEYS, DATA_CENTRES, OONI_HOSTS, OONI_PORTS, OONI_URLS, SUMMARY
from tests.support.ooni.nettests import own_keys
from tests.support.ooni.shapes import is_base64, is_number, list_problems

DATE = "%Y-%m-%d %H:%M:%S"
OLDEST_ENGINE = Version("3.17.2")
BACKEND_KEYS = {"measurement_uid", "backend_version", "bucket_date", "report_filename", "probe_city", "input_hashes"}
EXTENSIONS = {"httpt", "dnst", "scapy", "tcpt", "tcpconnect", "tlshandshake", "netevents", "tunnel"}
BLOCKING = ("dns", "tcp_ip", "http-failure", "http-diff", False, None)
OPERATIONS = {
    "resolve", "connect", "dns_round_trip", "tls_handshake", "quic_handshake", "quic_listen", "http_round_trip",
    "close", "read", "write", "read_from", "write_to", "unknown", "top_level", None,
}  # fmt: skip


def problems(line: dict[str, Any]) -> list[str]:
    """Return every rule that `line` breaks as "rule N: what". A valid measurement gives an empty list."""
    found = list(_base(line))
    keys = line.get("test_keys")
    if not isinstance(keys, dict):
        return [*found, "rule 4: test_keys is no object"]
    name = line.get("test_name")
    lookups = keys.get("lookups")
    inner = lookups.values() if isinstance(lookups, dict) else ()
    for group in (keys, keys.get("x_endpoints"), keys.get("x_followups"), keys.get("bootstrap"), *inner):
        if isinstance(group, dict):
            found += list_problems(group)
    found += _network_events(keys)
    found += [f"rule 8: {place}: {why}" for place, why in _bad_base64(line, "line")]
    found += _summary(str(name), keys)
    found += own_keys(str(name), line, keys)
    found += _only_what_ooni_writes(str(name), keys)
    return found


def _base(line: dict[str, Any]) -> Iterator[str]:
    if "input" not in line or not (line["input"] is None or isinstance(line["input"], str)):
        yield "rule 1: input must be there, null or a string"
    for key in ("measurement_start_time", "test_start_time"):
        if not _is_date(line.get(key)):
            yield f"rule 2: {key} is no date of the form YYYY-MM-DD HH:MM:SS"
    if not is_number(line.get("test_runtime")) or line["test_runtime"] < 0:
        yield "rule 3: test_runtime is no number"
    if not re.fullmatch(r"AS(0|[1-9][0-9]*)", str(line.get("probe_asn"))):
        yield "rule 5: probe_asn"
    if not re.fullmatch(r"[A-Z0-9]{2}", str(line.get("probe_cc"))):
        yield "rule 5: probe_cc"
    if not re.fullmatch(r"AS(0|[1-9][0-9]*)", str(line.get("resolver_asn", "AS0"))):
        yield "rule 5: resolver_asn"
    if (
        not re.fullmatch(r"[a-z0-9_]{2,30}", str(line.get("test_name")))
        or not str(line["test_name"]).replace("_", "").isalnum()
    ):
        yield "rule 14: test_name"
    yield from _annotations(line.get("annotations", {}))
    yield from _texts(line)
    if line.get("probe_ip", "127.0.0.1") != "127.0.0.1":
        yield "1.1: probe_ip must be 127.0.0.1"
    if extra := BACKEND_KEYS & line.keys():
        yield f"1.1: never to be emitted: {sorted(extra)}"
    extensions = line.get("extensions", {})
    if not set(extensions) <= EXTENSIONS or set(extensions.values()) - {0}:
        yield "1.1: extensions"


def _annotations(annotations: Any) -> Iterator[str]:
    if not isinstance(annotations, dict) or not all(isinstance(v, str) for v in annotations.values()):
        yield "1.2: annotations must map strings to strings"
        return
    try:
        if Version(annotations.get("engine_version", "")) < OLDEST_ENGINE:
            yield "rule 11: annotations.engine_version is below 3.17.2"
    except InvalidVersion:
        yield "rule 11: annotations.engine_version is no version"


def _texts(line: dict[str, Any]) -> Iterator[str]:
    for key in ("report_id", "software_name", "software_version", "test_version", "data_format_version"):
        if not isinstance(line.get(key), str):
            yield f"1.1: {key} must be a string"
    try:
        Version(str(line.get("test_version")))
    except InvalidVersion:
        yield "1.1: test_version is no version"
    if line.get("data_format_version") != "0.2.0":
        yield "1.1: data_format_version"


def _network_events(keys: dict[str, Any]) -> Iterator[str]:
    events = keys.get("network_events") or []
    if not events or events[0].get("transaction_id") is None:
        return
    for number, handshake in enumerate(keys.get("tls_handshakes") or []):
        mine = [event for event in events if event.get("transaction_id") == handshake.get("transaction_id")]
        if not mine:
            yield f"rule 6: no network event has the transaction_id of tls_handshakes[{number}]"
        elif any(not event.get("address") for event in mine):
            yield f"rule 6b: an event without address shares the transaction_id of tls_handshakes[{number}]"
        elif min(mine, key=lambda event: event["t"])["address"] != handshake.get("address"):
            yield f"rule 6: the first event of tls_handshakes[{number}] has another address"


def _summary(name: str, keys: dict[str, Any]) -> Iterator[str]:
    if name == "web_connectivity" and not any(
        type(keys.get("blocking")) is type(b) and keys.get("blocking") == b for b in BLOCKING
    ):
        yield f"rule 12: blocking {keys.get('blocking')!r}"
    if name in ("whatsapp", "web_connectivity"):
        for key, value in keys.items():
            if key.endswith("_failure") and not (value is None or isinstance(value, str)):
                yield f"rule 13b: {key} is neither null nor a string"
            elif key.endswith("_failure") and isinstance(value, str) and value.startswith("unknown_failure"):
                yield f"rule 13b: {key} begins with unknown_failure"
    if name in SUMMARY:
        yield from (
            f"3: test_keys lacks {key}" for key in sorted(SUMMARY[name] | BASE_KEYS - keys.keys()) if key not in keys
        )
        null_keys = (
            ("socksproxy",) if _reports_failed_run(name, keys) else ("failure", "failed_operation", "socksproxy")
        )
        yield from (f"3: {key} must be null" for key in null_keys if keys.get(key) is not None)
        known = SUMMARY[name] | BASE_KEYS | {"dns_cache", "tunnel", "bootstrap_time"}
        yield from (
            f"rule 15: test_keys.{key} is not OONI's and not prefixed x_"
            for key in keys
            if key not in known and not key.startswith("x_")
        )
    if keys.get("failed_operation") not in OPERATIONS:
        yield "2.7: failed_operation"


def _reports_failed_run(name: str, keys: dict[str, Any]) -> bool:
    """Return whether a signal measurement reports a failed run. OONI's backend reads these keys of signal only."""
    return name == "signal" and (keys.get("failed_operation"), keys.get("failure")) == ("top_level", "interrupted")


def _only_what_ooni_writes(name: str, keys: dict[str, Any]) -> Iterator[str]:
    """Check rule 13. OONI's fastpath recomputes verdicts from these lists, so each request is there once."""
    if name not in OONI_URLS:
        return
    urls = [entry.get("request", {}).get("url") for entry in keys.get("requests") or [] if isinstance(entry, dict)]
    yield from (
        f"rule 13: requests holds {url!r}, which OONI does not ask for" for url in urls if url not in OONI_URLS[name]
    )
    yield from (
        f"rule 13: requests holds {url!r} twice" for url in sorted({url for url in urls if urls.count(url) > 1 and url})
    )
    hosts = [entry.get("hostname") for entry in keys.get("queries") or [] if isinstance(entry, dict)]
    yield from (
        f"rule 13: queries holds {host!r}, which OONI does not ask for"
        for host in hosts
        if host not in OONI_HOSTS[name]
    )
    ports = OONI_PORTS[name]
    for entry in keys.get("tcp_connect") or []:
        if isinstance(entry, dict) and (entry.get("port") not in ports or _is_unrelated(name, entry, keys)):
            yield f"rule 13: tcp_connect holds {entry.get('ip')}:{entry.get('port')}, which OONI does not connect to"


def _is_unrelated(name: str, entry: dict[str, Any], keys: dict[str, Any]) -> bool:
    """Return whether an address is neither a data centre nor in an answer of the same list."""
    given = {a.get("ipv4") or a.get("ipv6") for q in keys.get("queries") or [] for a in q.get("answers") or []}
    if name == "telegram" and entry.get("ip") in DATA_CENTRES:
        return False
    return entry.get("ip") not in given and "[scrubbed]" not in str(entry.get("ip"))


def _bad_base64(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        if value.get("format") == "base64" and not is_base64(value.get("data")):
            yield place, "data is no padded base64"
        for key, inner in value.items():
            yield from _bad_base64(inner, f"{place}.{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _bad_base64(inner, f"{place}[{number}]")


def _is_date(text: Any) -> bool:
    try:
        return isinstance(text, str) and datetime.strptime(text, DATE).strftime(DATE) == text  # noqa: DTZ007
    except ValueError:
        return False
