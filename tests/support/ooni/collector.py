"""Serve both submission protocols of OONI on loopback, with the server's checks and errors, and count what is stored.

Written from these files, opened 2026-11-28. A `Fault` makes the next requests fail.
https://github.com/ooni/backend/blob/32d8349dc5440e75264c84c0ffe97495c7488e84/ooniapi/services/ooniprobe/src/ooniprobe/routers/reports.py
https://github.com/ooni/backend/blob/32d8349dc5440e75264c84c0ffe97495c7488e84/ooniapi/services/ooniprobe/src/ooniprobe/routers/v1/probe_services.py
https://github.com/ooni/backend/blob/32d8349dc5440e75264c84c0ffe97495c7488e84/ooniapi/services/ooniprobe/src/ooniprobe/utils.py
"""

import asyncio
import json
import ssl
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha512
from os import urandom
from typing import Any

from aiohttp import web
from backports.zstd import decompress, get_frame_info

from tests.support.servers.loop_thread import in_thread


class Fault(StrEnum):
    """Name what the server does in place of its usual answer."""

    CUT_BEFORE = "the connection ends before anything is stored"
    CUT_AFTER = "the connection ends after the measurement is stored"
    CUT_IN_THE_BODY = "the connection ends while the request is read"
    DISCARDS = "{} is answered, as after a failure of the fastpath"
    PAGE = "a page is answered with status 200, as by a gateway"
    NOT_DELIVERED = "no store of the server takes the measurement. The answer has an id all the same."
    HTTP_429 = "429"
    HTTP_500 = "500"
    HTTP_502 = "502"
    HTTP_503 = "503"
    HTTP_302 = "302"


@dataclass
class Collector:
    """Hold what the server got. `stored` counts measurements by content, as they stand in the results file."""

    address: str = ""
    faults: list[Fault | None] = field(default_factory=list)
    stored: Counter[str] = field(default_factory=Counter)
    order: list[dict[str, Any]] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    opened: list[dict[str, Any]] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    uids: list[str] = field(default_factory=list)
    delay: float = 0.0  # seconds before each answer

    def keep(self, content: dict[str, Any]) -> str:
        """Store a measurement and return its id."""
        plain = {key: value for key, value in content.items() if key != "report_id"}
        self.stored[json.dumps(plain, sort_keys=True)] += 1
        self.order.append(content)
        digest = sha512(json.dumps(content).encode()).hexdigest()[:16]
        now = datetime.now(UTC).strftime("%Y%m%d%H%M%S.%f")
        self.uids.append(f"{now}_{content['probe_cc']}_{content['test_name'].replace('_', '')}_{digest}")
        return self.uids[-1]

    async def fail(self, request: web.Request) -> web.Response | None:
        """Carry out the next fault that comes before the storage, if any, and return its answer."""
        fault = self.faults[0] if self.faults else None
        if fault in {Fault.CUT_AFTER, Fault.DISCARDS, Fault.PAGE, Fault.NOT_DELIVERED}:
            return None
        if self.faults:
            self.faults.pop(0)
        if fault is None:
            return None
        if fault is not Fault.CUT_IN_THE_BODY:
            await request.read()
        if fault in {Fault.CUT_BEFORE, Fault.CUT_IN_THE_BODY}:
            return cut(request)
        more = {Fault.HTTP_503: {"Retry-After": "100"}, Fault.HTTP_302: {"Location": "/elsewhere"}}
        return web.json_response({"detail": "out of order"}, status=int(fault), headers=more.get(fault))

    def later_fault(self) -> Fault | None:
        """Return the next fault that comes with or after the storage."""
        return self.faults.pop(0) if self.faults else None


def cut(request: web.Request) -> web.Response:
    """End the connection without an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def error(detail: Any, status: int = 400) -> web.Response:
    """Return an error as FastAPI writes it."""
    return web.json_response({"detail": detail}, status=status)


def check_measurement_meta(content: dict[str, Any]) -> web.Response | None:
    """Return the error for wrong names, as the function of this name there."""
    test_name, cc, asn = (content.get(key, "") for key in ("test_name", "probe_cc", "probe_asn"))
    faults = {
        "bad_cc": not (len(cc) == 2 and cc.isupper() and cc.isalnum()),
        "tn_len": not 1 < len(test_name) <= 30,
        "tn_no_lower": not test_name.islower(),
        "asn_len": not 3 <= len(asn) <= 12,
        "asn_no_as_prefix": not asn.startswith("AS"),
        "asn_leading_zero": len(asn) > 3 and asn.startswith("AS0"),
    }
    if any(faults.values()):
        reasons = [reason for reason, holds in faults.items() if holds]
        return error({"error": "bad_metadata", "message": f"Errors: {reasons}"})
    if not asn[2:].isdigit():
        return error({"error": "asn_invalid", "message": f"Measurement discarded, ASN == {asn}"})
    if int(asn[2:]) == 0:
        return error({"error": "asn_0", "message": "Measurement discarded, ASN == 0"})
    if cc == "ZZ":
        return error({"error": "cc_zz", "message": "Measurement discarded, CC == ZZ"})
    return None


def generate_report_id(test_name: str, cc: str, asn: int) -> str:
    """Return a report id, as the function of this name there."""
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{now}_{test_name.replace('_', '')}_{cc}_{asn}_n1_{b64encode(urandom(12), b'oo').decode()}"


def missing(document: Any, **kinds: type | tuple[type, ...]) -> web.Response | None:
    """Return the error of pydantic (422) for a key of another type."""
    for key, kind in kinds.items():
        if not isinstance(document, dict) or not isinstance(document.get(key), kind):
            fault = {"type": "missing", "loc": ["body", key], "msg": "Field required", "input": None}
            return error([fault], 422)
    return None


class Handlers:
    """Answer the requests."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    async def submit(self, request: web.Request) -> web.Response:
        """Answer `submit_measurement`. The body is parsed before any decompression."""
        if (failed := await self._begin(request)) is not None:
            return failed
        try:
            document = json.loads(await request.read())
        except ValueError:
            return error([{"type": "json_invalid", "loc": ["body", 0], "msg": "JSON decode error"}], 422)
        self._collector.bodies.append(document)
        none_or_text = (str, type(None))
        if refused := missing(
            document, format=str, content=str, nym=none_or_text, zkp_request=none_or_text, manifest_version=none_or_text
        ):
            return refused
        content = json.loads(document["content"])
        if not isinstance(content, dict):
            return error({"error": "'content' should be a json encoded as a string"})
        if refused := check_measurement_meta(content):
            return refused
        report_id = generate_report_id(content["test_name"], content["probe_cc"], int(content["probe_asn"][2:]))
        answer = {
            "verification_status": "unverified",
            "submit_response": None,
            "protocol_version": "0.1.0",
            "error": None,
            "report_id": report_id,
        }
        return self._stored(request, content, answer)

    async def open(self, request: web.Request) -> web.Response:
        """Open a report. A network that is not understood becomes AS0."""
        if (failed := await self._begin(request)) is not None:
            return failed
        data = await request.json()
        wanted = (
            "data_format_version",
            "format",
            "software_name",
            "software_version",
            "test_start_time",
            "test_version",
        )
        if refused := missing(data, **dict.fromkeys(wanted, str)):
            return refused
        self._collector.opened.append(data)
        asn = data.get("probe_asn", "AS0").upper()
        asn = asn if 3 <= len(asn) <= 12 and asn.startswith("AS") and asn[2:].isdigit() else "AS0"
        cc = data.get("probe_cc", "ZZ").upper().replace("_", "")
        report_id = generate_report_id(data.get("test_name", "").lower(), cc if len(cc) == 2 else "ZZ", int(asn[2:]))
        return web.json_response(
            {"backend_version": "1.3.5", "report_id": report_id, "supported_formats": ["yaml", "json"]}
        )

    async def update(self, request: web.Request) -> web.Response:
        """Add a measurement to a report."""
        if (failed := await self._begin(request)) is not None:
            return failed
        parts = request.match_info["report_id"].split("_")
        if len(parts) != 6 or len(parts[2]) != 2 or not parts[3].isdigit():
            return error("Incorrect format")
        if parts[3] == "0" or parts[2] == "ZZ":
            return web.json_response({})
        data = await request.read()
        try:
            if request.headers.get("Content-Encoding") == "zstd":
                assert get_frame_info(data).decompressed_size, "the zstd library of the server needs the size"
                data = decompress(data)
            content = json.loads(data)["content"]
            assert isinstance(content, dict)
        except (ValueError, KeyError, AssertionError):
            return error("Incorrect format")
        self._collector.bodies.append(json.loads(data))
        names = (content["test_name"].replace("_", ""), content["probe_cc"], content["probe_asn"][2:])
        if names != tuple(parts[1:4]):
            return error("Inconsistent measurement")
        if refused := check_measurement_meta(content):
            return refused
        return self._stored(request, content, {})

    async def close(self, request: web.Request) -> web.Response:
        if (failed := await self._begin(request)) is not None:
            return failed
        self._collector.closed.append(request.match_info["report_id"])
        return web.json_response({})

    async def _begin(self, request: web.Request) -> web.Response | None:
        return await self._collector.fail(request)

    def _stored(self, request: web.Request, content: dict[str, Any], answer: dict[str, Any]) -> web.Response:
        fault = self._collector.later_fault()
        if fault is Fault.DISCARDS:
            return web.json_response({})
        if fault is Fault.NOT_DELIVERED:
            return web.json_response(
                {**answer, "measurement_uid": "1_IR_telegram_0", "error": "submission_delivery_failed"}
            )
        uid = self._collector.keep(content)
        if fault is Fault.CUT_AFTER:
            return cut(request)
        if fault is Fault.PAGE:
            return web.Response(text="<html>Welcome</html>", content_type="text/html")
        return web.json_response({**answer, "measurement_uid": uid})


def application(collector: Collector) -> web.Application:
    """Return the application, which reads bodies of any size as they are."""
    handlers = Handlers(collector)

    @web.middleware
    async def slowly(request: web.Request, handler: Any) -> web.StreamResponse:
        collector.requests.append((f"{request.method} {request.path}", dict(request.headers)))
        response: web.StreamResponse = await handler(request)
        if collector.delay:
            await asyncio.sleep(collector.delay)
        return response

    app = web.Application(client_max_size=1 << 26, middlewares=[slowly])
    app.router.add_post("/api/v1/submit_measurement", handlers.submit)
    app.router.add_post("/report", handlers.open)
    app.router.add_post("/report/{report_id}", handlers.update)
    app.router.add_post("/report/{report_id}/close", handlers.close)
    return app


@contextmanager
def serving(collector: Collector, tls: ssl.SSLContext | None = None) -> Iterator[Collector]:
    """Serve in a thread until the block ends."""
    with in_thread(_listening(collector, tls)):
        yield collector


@asynccontextmanager
async def _listening(collector: Collector, tls: ssl.SSLContext | None) -> AsyncIterator[None]:
    runner = web.AppRunner(application(collector), auto_decompress=False, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    collector.address = f"http{'s' if tls else ''}://127.0.0.1:{runner.addresses[0][1]}"
    yield
    await runner.cleanup()
