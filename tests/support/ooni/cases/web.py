"""Build a measurement of web_connectivity, entry by entry, in the shape of OONI's probe."""

from typing import Any, Self
from urllib.parse import urlsplit

SITE, SECOND, PROXY, BOGON, LOCAL = "93.184.215.14", "93.184.215.15", "130.192.182.17", "10.10.34.35", "127.0.0.1"
LANDING, CARRIER = "104.16.132.229", "83.224.65.41"
NETWORKS = {SITE: 15133, SECOND: 15133, PROXY: 137, LANDING: 13335, CARRIER: 30722}
ALIKE = (True, True, True, True)
UNLIKE = (False, False, True, False)
UNCOMPARED = (None, None, None, None)
_CLASSIC = ("getaddrinfo", "doh", "udp")
_COMPARED = ("body_length_match", "headers_match", "status_code_match", "title_match")
_LISTS = ("queries", "tcp_connect", "tls_handshakes", "requests")


def measurement(test: str, version: str, given: str | None, keys: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a whole measurement. Others keys of it can be given by name."""
    return {
        "annotations": {"engine_name": "ooniprobe-engine", "engine_version": "3.24.0", "platform": "linux"},
        "data_format_version": "0.2.0",
        "input": given,
        "measurement_start_time": "2026-10-01 10:00:05",
        "test_start_time": "2026-10-01 10:00:00",
        "probe_asn": "AS30722",
        "probe_cc": "IT",
        "report_id": f"20261001T100000Z_{test.replace('_', '')}_IT_30722_n1_A",
        "resolver_asn": "AS30722",
        "software_name": "ooniprobe-cli",
        "software_version": "3.24.0",
        "test_keys": keys,
        "test_name": test,
        "test_runtime": 2.5,
        "test_version": version,
    } | more


class Web:
    """Collect the entries of one web address. Version 0.4 has no transactions and no connects of redirects."""

    def __init__(self, url: str, version: str = "0.5.28") -> None:
        self.url = self.given = url
        self.version, self.depth, self.transaction = version, 0, 0
        self.keys: dict[str, Any] = {name: [] for name in _LISTS} | {"control": None, "control_failure": None}
        self.seen(None, None)

    def asked(self, given: str, **others: str) -> Self:
        """Add the lookups of the host at this depth. A word with an underscore is a failure. Others go by engine."""
        for engine in _CLASSIC if self.depth == 0 and self.is_numbered else ("getaddrinfo",):
            self._ask(engine, others.get(engine, given))
        return self

    def flow(
        self,
        address: str,
        *,
        tcp: str | None = None,
        tls: str | None = None,
        side: str | None = None,
        failure: str | None = None,
        code: int = 200,
        to: str = "",
        body: str = "<title>Site</title>",
    ) -> Self:
        """Add a flow to the URL at this depth. `side` is the failure of the flow to port 443 beside one without TLS."""
        over_tls, port = self.url.startswith("https"), urlsplit(self.url).port
        self._connect(address, port or (443 if over_tls else 80), tcp, tls, over_tls=over_tls)
        broken = tcp or (tls if over_tls else None)
        if broken is None or not self.is_numbered:
            self._request(broken or failure, 0 if broken else code, to, body)
        if not over_tls and port is None and self.is_numbered:
            self._connect(address, 443, side, tls, over_tls=True)
        if to and failure is None:
            self.url, self.depth = to, self.depth + 1
        return self

    def connected(self, address: str, *, tcp: str | None = None, tls: str | None = None) -> Self:
        """Add a flow without a request, because another flow made it."""
        over_tls = self.url.startswith("https")
        self._connect(address, 443 if over_tls else 80, tcp, tls, over_tls=over_tls)
        if not over_tls and self.is_numbered:
            self._connect(address, 443, tcp, tls, over_tls=True)
        return self

    def helper(
        self,
        *addresses: str,
        dns: str | tuple[str, ...] = "",
        failed: dict[str, str] | None = None,
        code: int = 200,
        failure: str | None = None,
        tried: tuple[str, ...] = (),
    ) -> Self:
        """Add the helper's answer. `failed` has failures by ADDRESS:PORT, with /tls for those of handshakes."""
        url, failed, all_tried = urlsplit(self.given), failed or {}, (*addresses, *tried)
        ports = [url.port] if url.port else [443] if url.scheme == "https" else [443, 80]
        ends = {end: failed.get(end) for ip in all_tried for port in ports for end in [_end(ip, port)]}
        shaken = {end: failed.get(f"{end}/tls") for end, problem in ends.items() if not problem and ":443" in end}
        self.keys["control"] = {
            "tcp_connect": {end: _result(problem) for end, problem in ends.items()},
            "tls_handshake": {end: _result(problem) | {"server_name": url.hostname} for end, problem in shaken.items()},
            "http_request": {"failure": failure, "status_code": -1 if failure else code, "title": "", "headers": {}},
            "dns": _resolved(dns or addresses),
            "ip_info": {ip: {"asn": NETWORKS.get(ip, 0), "flags": 11} for ip in all_tried},
        }
        return self

    def seen(self, blocking: str | bool | None, accessible: bool | None, alike: Any = UNCOMPARED) -> Self:
        """Add OONI's own comparison and conclusion."""
        self.keys |= dict(zip(_COMPARED, alike, strict=True)) | {"blocking": blocking, "accessible": accessible}
        return self

    def measured(self, **more: Any) -> dict[str, Any]:
        """Return the measurement. OONI lists the newest request first."""
        keys = self.keys | {"requests": self.keys["requests"][::-1]}
        return measurement("web_connectivity", self.version, self.given, keys, **more)

    @property
    def is_numbered(self) -> bool:
        return self.version >= "0.5"

    @property
    def _host(self) -> str:
        return (urlsplit(self.url).hostname or "").encode("idna").decode()

    def _ask(self, engine: str, given: str) -> None:
        failed = given if "_" in given else None
        asked = {"engine": engine, "query_type": "ANY" if engine == "getaddrinfo" else "A"}
        self._add(
            "queries",
            **(asked if self.is_numbered else {"engine": "system", "query_type": "A"}),
            hostname=self._host,
            failure=failed,
            resolver_address="8.8.8.8:53" if engine == "udp" else "",
            answers=[] if failed else [_answer(ip) for ip in given.split()],
        )

    def _connect(self, address: str, port: int, tcp: str | None, tls: str | None, *, over_tls: bool) -> None:
        self.transaction += 1
        if self.depth and not self.is_numbered:
            return
        self._add("tcp_connect", ip=address, port=port, status={"failure": tcp, "success": tcp is None})
        if over_tls and tcp is None:
            done = {"failure": tls, "peer_certificates": [], "no_tls_verify": False, "network": "tcp"}
            self._add("tls_handshakes", address=_end(address, port), server_name=self._host, **done)

    def _request(self, failure: str | None, code: int, to: str, body: str) -> None:
        response = {"code": code, "body": body, "headers": {"Location": to} if to else {}}
        self._add("requests", failure=failure, request={"url": self.url, "headers": {}}, response=response)

    def _add(self, kind: str, **entry: Any) -> None:
        place = {"transaction_id": self.transaction, "tags": [f"depth={self.depth}"]} if self.is_numbered else {}
        self.keys[kind].append({"t": 0.1} | entry | place)


def _answer(ip: str) -> dict[str, Any]:
    kind, key = ("AAAA", "ipv6") if ":" in ip else ("A", "ipv4")
    return {"answer_type": kind, key: ip, "asn": NETWORKS.get(ip)}


def _end(ip: str, port: int) -> str:
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def _result(failure: str | None) -> dict[str, Any]:
    return {"status": failure is None, "failure": failure}


def _resolved(given: str | tuple[str, ...]) -> dict[str, Any]:
    """Return the answer of the helper's resolver, a failure or addresses."""
    return {"failure": given, "addrs": []} if isinstance(given, str) else {"failure": None, "addrs": list(given)}
