"""What OONI's test helper saw from outside (test key `control` of web_connectivity) → the control's attempts."""

from probe.analysis.observations.lenient_json import address, name, number, table, text, texts
from probe.analysis.ooni_import.entries import Entry, split
from probe.analysis.ooni_import.failures import failure_in
from probe.analysis.ooni_import.transactions import Converted
from probe.analysis.ooni_import.web_connectivity import ROLE, TLS_PORT, proof_endpoint
from probe.targets.target import Endpoint, is_address

Results = dict[tuple[str, int], Entry]


def outside(keys: Entry, endpoint: Endpoint | None, tape: Converted) -> bool:
    """Read the helper's answer onto the tape; says whether there is one."""
    control = table(keys.get("control"))
    if not control or keys.get("control_failure") is not None or endpoint is None:
        return False
    resolved = _resolved(control, endpoint.host, tape)
    connected, shaken = _results(control, "tcp_connect"), _results(control, "tls_handshake")
    for (ip, port), entry in connected.items():
        said = shaken.get((ip, port))
        _prove(endpoint, ip, port, entry, said, tape)
        if port == endpoint.port:
            _attempt(endpoint, ip, entry, said, control if ip in resolved or _proven(said, endpoint) else {}, tape)
    return True


def families(tape: Converted) -> dict[int, bool]:
    """Which families work at the helper: IPv4 is taken for granted, IPv6 where it connected to anything."""
    rows = tape.keys["x_endpoints"].get("tcp_connect", [])
    return {4: True, 6: any(":" in row["ip"] and row["status"]["success"] for row in rows)}


def _resolved(control: Entry, host: str, tape: Converted) -> set[str]:
    """What the helper's own resolver said, with the networks that the helper knows."""
    dns = table(control.get("dns"))
    found = [address(ip) for ip in texts(dns.get("addrs"))]
    failed = failure_in(dns.get("failure"))
    if is_address(host) or "failure" not in dns or not all(map(is_address, found)):
        return {address(host)} if is_address(host) else set()
    networks = {address(ip): number(table(about).get("asn")) for ip, about in table(control.get("ip_info")).items()}
    for query_type, key, colon in (("A", "ipv4", False), ("AAAA", "ipv6", True)):
        mine = [{key: ip, "asn": networks.get(ip, 0)} for ip in found if (":" in ip) == colon]
        if mine or (not found and query_type == "A"):
            query = {"hostname": host, "query_type": query_type, "engine": "doh", "resolver_address": "system"}
            tape.lookups([query | {"answers": mine, "failure": failed or (None if mine else "dns_no_answer")}])
    return set(found)


def _results(control: Entry, kind: str) -> Results:
    found = {}
    for where, said in table(control.get(kind)).items():
        at, said = split(text(where)), table(said)
        if at[0] and "status" in said:
            failed = failure_in(said.get("failure"))
            if failed is None and said["status"] is not True:
                failed = "interrupted"
            found[at] = {"failure": failed, "server_name": name(said.get("server_name"))}
    return found


def _proven(said: Entry | None, endpoint: Endpoint) -> bool:
    return said is not None and said["failure"] is None and said["server_name"] == endpoint.host


def _prove(endpoint: Endpoint, ip: str, port: int, connect: Entry, said: Entry | None, tape: Converted) -> None:
    """A certificate that the helper found valid proves the address, whatever became of the page."""
    proof = proof_endpoint(endpoint)
    if proof is not None and port == TLS_PORT and said is not None:
        tape.attempt(proof, "", ip, tcp_connect=_written(ip, port, connect), tls_handshakes=said)


def _attempt(endpoint: Endpoint, ip: str, connect: Entry, said: Entry | None, control: Entry, tape: Converted) -> None:
    """The attempt as far as it can be told: the page was fetched once, from wherever the helper's library chose.

    Where connecting and TLS worked and the page did not, nobody knows whether it was this address's fault: left out.
    """
    sealed = endpoint.scheme == "https"
    below = [connect["failure"]] + ([said["failure"]] if sealed and said is not None else [])
    broken, fetched = any(failed is not None for failed in below), _fetched(table(control.get("http_request")))
    if broken or (fetched and (said is not None or not sealed)):
        written = _written(ip, endpoint.port, connect)
        page = {"failure": None, "response": {"code": fetched}} if fetched else None
        tape.attempt(endpoint, ROLE, ip, tcp_connect=written, tls_handshakes=said if sealed else None, requests=page)


def _fetched(page: Entry) -> int:
    """The status with which the helper got the page, 0 if it did not."""
    fine = "failure" in page and failure_in(page["failure"]) is None
    return max(number(page.get("status_code")), 0) if fine else 0


def _written(ip: str, port: int, connect: Entry) -> Entry:
    failed = connect["failure"]
    return {"ip": ip, "port": port, "status": {"success": failed is None, "failure": failed}}
