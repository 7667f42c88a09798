"""Imitate OONI's test helper, written from its description and not from our helper. It measures nothing."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

NO_PAGE = {"body_length": -1, "discovered_h3_endpoint": "", "title": "", "headers": {}, "status_code": -1}


@dataclass
class SimulatedHelper:
    """Hold the results that it reports. An endpoint in neither table connects, and completes TLS on port 443."""

    names: dict[str, list[str]] = field(default_factory=dict)  # all other names do not exist
    dns_failures: dict[str, str] = field(default_factory=dict)
    tcp: dict[str, str] = field(default_factory=dict)  # "ip:port": failure
    tls: dict[str, str] = field(default_factory=dict)
    pages: dict[str, int] = field(default_factory=dict)  # host: status. All others fail.
    busy: int = 0  # that many answers are 503
    asked: list[dict[str, Any]] = field(default_factory=list)
    greeting: str = "Hello OONItarian!"
    cached: dict[str, dict[str, Any]] | None = None  # answers by question, as a cache on the way keeps them
    age: str = ""  # the header Age of its answers

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """Return the whole response document."""
        parts = urlsplit(question["http_request"])
        host, port = parts.hostname or "", parts.port
        literal = host.replace(".", "").isdigit() or ":" in host
        given = [] if literal else self.names.get(host, [])
        failure = self.dns_failures.get(host, None if literal or host in self.names else "dns_name_error")
        sent = [endpoint.rpartition(":")[0].strip("[]") for endpoint in question["tcp_connect"]]
        ports = [port] if port else {"https": [443], "http": [80, 443]}[parts.scheme]
        tcp, tls = {}, {}
        for ip in dict.fromkeys([*sent, *given]):
            for one in ports:
                key = f"[{ip}]:{one}" if ":" in ip else f"{ip}:{one}"
                tcp[key] = outcome = self.tcp.get(key)
                if one == 443 and outcome is None:
                    tls[key] = self.tls.get(key)
        status = self.pages.get(host)
        page = NO_PAGE | ({"failure": "unknown_error"} if status is None else {"failure": None, "status_code": status})
        return {
            "tcp_connect": {key: {"status": outcome is None, "failure": outcome} for key, outcome in tcp.items()},
            "tls_handshake": {
                key: {"server_name": host, "status": outcome is None, "failure": outcome}
                for key, outcome in tls.items()
            },
            "quic_handshake": {},
            "http_request": page,
            "http3_request": None,
            "dns": {"failure": failure, "addrs": given},
            "ip_info": {ip: {"asn": 64511, "flags": 2 * (ip in given) + (ip in sent)} for ip in {*sent, *given}},
        }

    async def serve(self, request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.json_response({"message": self.greeting})
        self.asked.append(await request.json())
        if self.busy:
            self.busy -= 1
            return web.Response(status=503, headers={"Retry-After": "0"})
        headers = {"Server": "oohelperd/3.20.0"} | ({"Age": self.age} if self.age else {})
        return web.json_response(self._answer(self.asked[-1], request), headers=headers)

    def _answer(self, question: dict[str, Any], request: web.Request) -> dict[str, Any]:
        """Return the answer, an earlier one if a cache has it and the request allows that."""
        if self.cached is None or request.headers.get("Cache-Control") == "no-cache":
            return self.answer(question)
        return self.cached.setdefault(json.dumps(question, sort_keys=True), self.answer(question))


@asynccontextmanager
async def serving_helper(helper: SimulatedHelper) -> AsyncIterator[str]:
    """Serve the helper on loopback and yield its URL."""
    app = web.Application()
    app.router.add_route("*", "/", helper.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()
