"""Read the answer of OONI's test helper (test key `control` of web_connectivity) as attempts of the control."""

from collections.abc import Sequence

from probe.analysis.observations.entry_index import endpoint_of
from probe.analysis.observations.lenient_json import address, name, number, table, text, texts
from probe.analysis.ooni_import.ooni_entries import PORTS, Entry, split, web_url
from probe.analysis.ooni_import.ooni_failures import failure_in
from probe.analysis.ooni_import.ooni_transactions import Converted
from probe.analysis.ooni_import.web_connectivity import ROLE, TLS_PORT, proof_endpoint
from probe.formats.ooni_helper import LOOKUP_ERROR
from probe.targets.target import Endpoint, is_address

Results = dict[tuple[str, int], Entry]


def read_control(keys: Entry, urls: Sequence[str], similar: set[str], converted: Converted) -> bool:
    """Add the helper's lookups and attempts to `converted`, and return True if there is an answer.

    The first URL is the input. Of its redirects, only one to the same address over TLS is sure to be the helper's too.
    Addresses in `similar` sent a page like the helper's, and are added to the answers of the helper's resolver.
    """
    control, endpoint = table(keys.get("control")), endpoint_of(urls[0])
    if not control or keys.get("control_failure") is not None or endpoint is None:
        return False
    resolved = _resolved(control, endpoint.host, similar, converted)
    connects, handshakes = _results(control, "tcp_connect"), _results(control, "tls_handshake")
    for (ip, port), connect in connects.items():
        handshake = handshakes.get((ip, port))
        _prove(endpoint, ip, port, connect, handshake, converted)
        for visited in _visited(endpoint, urls):
            if port == visited.port:
                verified = ip in resolved or _proven(handshake, visited)
                _attempt(visited, ip, connect, handshake, control if verified else {}, converted)
    return True


def _visited(endpoint: Endpoint, urls: Sequence[str]) -> list[Endpoint]:
    """Return the input, and the redirect to the same address over TLS if there is one."""
    over_tls = web_url(endpoint.url.replace("http://", "https://", 1).replace(f":{PORTS['http']}/", "/", 1))
    upgraded = endpoint_of(over_tls) if over_tls in urls[1:] else None
    return [endpoint, upgraded] if upgraded else [endpoint]


def families(converted: Converted) -> dict[int, bool]:
    """Return which address families work at the helper. IPv4 is assumed, IPv6 needs one successful connect."""
    rows = converted.keys["x_endpoints"].get("tcp_connect", [])
    return {4: True, 6: any(":" in row["ip"] and row["status"]["success"] for row in rows)}


def _resolved(control: Entry, host: str, similar: set[str], converted: Converted) -> set[str]:
    """Add the answers of the helper's resolver with their AS numbers, and return the addresses."""
    dns = table(control.get("dns"))
    if not dns.get("addrs") and _page_has_no_address(control):
        dns = {"failure": LOOKUP_ERROR} | dns  # some lines omit the lookup, or its failure
    given, failed = _given(dns), failure_in(dns.get("failure"))
    found = list(dict.fromkeys([*(given or []), *sorted(similar)]))
    if is_address(host) or (given is None and not found):
        return {address(host)} if is_address(host) else set()
    networks = {address(ip): number(table(about).get("asn")) for ip, about in table(control.get("ip_info")).items()}
    for query_type, key, colon in (("A", "ipv4", False), ("AAAA", "ipv6", True)):
        mine = [{key: ip, "asn": networks.get(ip, 0)} for ip in found if (":" in ip) == colon]
        if mine or (not found and query_type == "A"):
            query = {"hostname": host, "query_type": query_type, "engine": "doh", "resolver_address": "system"}
            converted.lookups([query | {"answers": mine, "failure": failed or (None if mine else "dns_no_answer")}])
    return set(found)


def _given(dns: Entry) -> list[str] | None:
    """Return the addresses in the helper's answer, None if it is not known.

    Helpers before 2021 listed the CNAMEs too, and omitted keys without a value. A redacted answer is not known.
    """
    listed = texts(dns.get("addrs"))
    found = [address(each) for each in listed if is_address(address(each))]
    is_answer = bool(found) or ("failure" in dns and not listed)
    return (
        found if is_answer and not any("[" in each or "." not in each for each in listed if ":" not in each) else None
    )


def _page_has_no_address(control: Entry) -> bool:
    return table(control.get("http_request")).get("failure") == LOOKUP_ERROR


def _results(control: Entry, kind: str) -> Results:
    found = {}
    for key, value in table(control.get(kind)).items():
        at, result = split(text(key)), table(value)
        if at[0] and "status" in result:
            failed = failure_in(result.get("failure"))
            if failed is None and result["status"] is not True:
                failed = "interrupted"
            found[at] = {"failure": failed, "server_name": name(result.get("server_name"))}
    return found


def _proven(handshake: Entry | None, endpoint: Endpoint) -> bool:
    return handshake is not None and handshake["failure"] is None and handshake["server_name"] == endpoint.host


def _prove(
    endpoint: Endpoint, ip: str, port: int, connect: Entry, handshake: Entry | None, converted: Converted
) -> None:
    """Add the handshake as an attempt of its own, since its valid certificate proves the address without a page."""
    proof = proof_endpoint(endpoint)
    if proof is not None and port == TLS_PORT and handshake is not None:
        converted.attempt(proof, "", ip, tcp_connect=_tcp_entry(ip, port, connect), tls_handshakes=handshake)


def _attempt(
    endpoint: Endpoint, ip: str, connect: Entry, handshake: Entry | None, control: Entry, converted: Converted
) -> None:
    """Add the attempt, if its result is known. The helper fetches the page once, at an address that it does not report.

    If TCP and TLS worked and the page failed, the address may not be the cause, so the attempt is left out.
    """
    over_tls = endpoint.scheme == "https"
    lower = [connect["failure"]] + ([handshake["failure"]] if over_tls and handshake is not None else [])
    failed, status = any(one is not None for one in lower), _page_status(table(control.get("http_request")))
    if failed or (status and (handshake is not None or not over_tls)):
        tcp = _tcp_entry(ip, endpoint.port, connect)
        page = {"failure": None, "response": {"code": status}} if status else None
        tls = handshake if over_tls else None
        converted.attempt(endpoint, ROLE, ip, tcp_connect=tcp, tls_handshakes=tls, requests=page)


def _page_status(page: Entry) -> int:
    """Return the status of the page that the helper received, 0 without one."""
    received = "failure" in page and failure_in(page["failure"]) is None
    return max(number(page.get("status_code")), 0) if received else 0


def _tcp_entry(ip: str, port: int, connect: Entry) -> Entry:
    failed = connect["failure"]
    return {"ip": ip, "port": port, "status": {"success": failed is None, "failure": failed}}
