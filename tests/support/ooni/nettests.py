"""Check the keys of OONI's nettests that do not embed urlgetter's, and all versions."""

import ipaddress
import re
from collections.abc import Iterator
from typing import Any

from tests.support.ooni.facts import BASE_KEYS, OWN_KEYS, VERSIONS


def own_keys(name: str, line: dict[str, Any], keys: dict[str, Any]) -> Iterator[str]:
    """Yield problems of versions, inputs and own keys."""
    if name in VERSIONS and line.get("test_version") != VERSIONS[name]:
        yield f"3: test_version of {name} is {line.get('test_version')!r}"
    if name not in OWN_KEYS:
        return
    yield from (f"3: test_keys lacks {key}" for key in sorted(OWN_KEYS[name] - keys.keys()))
    ours = {key for key in keys.keys() - OWN_KEYS[name] if not key.startswith("x_")}
    yield from (f"rule 15: test_keys.{key} is not OONI's and not prefixed x_" for key in sorted(ours))
    yield from {"stunreachability": _stun, "dnscheck": _dnscheck, "echcheck": _echcheck}[name](line, keys)


def _stun(line: dict[str, Any], keys: dict[str, Any]) -> Iterator[str]:
    place = str(line.get("input")).removeprefix("stun://")
    if not re.fullmatch(r"stun://[^/;]+:[0-9]+", str(line.get("input"))):
        yield "3.5: input is no stun://HOST:PORT"
    if keys.get("endpoint") != place and not (keys.get("endpoint") == "" and keys.get("failure") == "interrupted"):
        yield f"3.5: endpoint {keys.get('endpoint')!r} is not the input's"
    if not (keys.get("failure") is None or isinstance(keys.get("failure"), str)):
        yield "3.5: failure is neither null nor a string"
    hosts = {query.get("hostname") for query in keys.get("queries") or []}
    if hosts - {place.rpartition(":")[0]}:
        yield f"rule 13: queries holds {sorted(hosts)}"


def _dnscheck(line: dict[str, Any], keys: dict[str, Any]) -> Iterator[str]:
    scheme, _, rest = str(line.get("input")).partition("://")
    if scheme not in {"https", "dot", "udp", "tcp"} or not rest:
        yield "3.6: input is no resolver's URL"
    host, _, path = rest.partition("/")
    for url, lookup in (keys.get("lookups") or {}).items():
        where, _, tail = url.removeprefix(f"{scheme}://").partition("/")
        if not url.startswith(f"{scheme}://") or tail != path or not _is_literal(where):
            yield f"3.6: lookups holds {url!r}, which is not the input with an address in its host's place"
        if BASE_KEYS - lookup.keys():
            yield f"3.6: lookups[{url!r}] lacks {sorted(BASE_KEYS - lookup.keys())}"
        if (lookup.get("failure") is None) != (lookup.get("failed_operation") is None):
            yield f"3.6: lookups[{url!r}]: failure and failed_operation contradict each other"
    bootstrap = keys.get("bootstrap")
    asked = {query.get("hostname") for query in (bootstrap or {}).get("queries", [])}
    if asked - {host.partition(":")[0]}:
        yield f"3.6: bootstrap asks for {sorted(asked)}"


def _echcheck(line: dict[str, Any], keys: dict[str, Any]) -> Iterator[str]:
    """Check the one address, one handshake of each kind, and the names (measure.go, handshake.go, 7cb22410)."""
    host = str(line.get("input")).removeprefix("https://").partition("/")[0].partition(":")[0]
    shakes = keys.get("tls_handshakes") or []
    places = {f"{one['ip']}:{one['port']}" for one in keys.get("tcp_connects") or [] if ":" not in one["ip"]}
    if not str(line.get("input")).startswith("https://"):
        yield "echcheck: input is no https URL"
    if len({one.get("address") for one in shakes}) > 1 or len(places) > 1:
        yield "echcheck: several addresses"
    kinds = [one.get("echconfig", "") for one in shakes]
    if len(kinds) != len(set(kinds)) or (kinds and kinds[0] != ""):
        yield f"echcheck: handshakes {kinds}"
    if any(one.get("server_name") != host for one in shakes):
        yield "echcheck: another name"
    if any(("outer_server_name" in one) != (one.get("echconfig", "GREASE") != "GREASE") for one in shakes):
        yield "echcheck: outer_server_name is not beside a key"


def _is_literal(place: str) -> bool:
    """Return whether it is an address, with or without a port. IPv6 is in brackets."""
    bare = place[1 : place.index("]")] if place.startswith("[") and "]" in place else place.partition(":")[0]
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        return False
    return True
