"""Each class of censor, met in a lab by raw sockets, a client like dig and OpenSSL's TLS: it does what scenarios say.

What is meant is hurt as the class says, and beside each something that is not meant passes.
"""

import ast
import json
import sys
from pathlib import Path

import pytest
from cryptography import x509

from probe.cli.run.consent import VERSION
from probe.lab.censors import (
    DNSLie,
    HTTPBlockpage,
    HTTPDrop,
    HTTPReset,
    IPBlackhole,
    IPReset,
    PayloadDrop,
    ProtocolFilter,
    QUICDrop,
    SIPAlg,
    StartTLSStrip,
    StreamCut,
    SYNProxy,
    TLSDrop,
    TLSIntercept,
    TLSReset,
    UDPBlock,
)
from probe.lab.run import run_command
from probe.lab.scenario.scenario import Scenario
from probe.lab.world.world import PROVIDERS_RESOLVER, build_world
from probe.targets.target import bundled_targets
from tests.lab.censors.test_quic import first_flight
from tests.support.lab import wire_clients
from tests.support.lab.dig import addresses_in, query

pytestmark = pytest.mark.lab

LIE, PAGE, PUBLIC = "203.0.113.5", "<p>Not here.</p>", "8.8.8.8"
CENSORS = (
    DNSLie(names=["www.snapchat.com"], answers=[LIE]),
    DNSLie(names=["web.snapchat.com"], everybody=True, rcode="nxdomain"),
    IPBlackhole(names=["chat.signal.org"]),
    IPBlackhole(names=["storage.signal.org"], icmp="prohibited"),
    IPReset(names=["cdsi.signal.org"], count=1, to="client"),
    SYNProxy(names=["cdn.signal.org"], ports=[443], ttl=60, resets=True),
    UDPBlock(names=["stun.voipgate.com"]),
    PayloadDrop(names=["stun.uls.co.za"], protocols=["stun"], direction="out"),
    ProtocolFilter(ports=[5222], action="reset"),
    TLSReset(names=["web.telegram.org"], ports=[443], count=2, to="client"),
    TLSDrop(names=["web.whatsapp.com"], direction="out"),
    TLSIntercept(names=["x.com"], ports=[443], signed_by="itself"),
    HTTPBlockpage(names=["sgshort.wechat.com"], ports=[80], body=PAGE),
    HTTPReset(names=["dns.weixin.qq.com"], ports=[8080]),
    HTTPDrop(names=["dropped.example"], ports=[8080]),
    QUICDrop(names=["www.facebook.com"], ports=[443]),
    StreamCut(names=["sip.telnyx.eu"], protocols=["sip"]),
    SIPAlg(names=["proxy.sipthor.net"]),
    StartTLSStrip(names=["smtp.gmail.com"], ports=[587], how="mask", protocols=["smtp"]),
)
STUN = b"\0\1\0\0\x21\x12\xa4\x42" + bytes(range(12))
SIP = "\r\n".join(
    [
        "OPTIONS sip:x SIP/2.0",
        "Via: SIP/2.0/{} anonymous.invalid;branch=z9hG4bKx",
        "From: <sip:a@anonymous.invalid>;tag=1",
        "To: <sip:x>",
        "Call-ID: 1@anonymous.invalid",
        "CSeq: 1 OPTIONS",
        "Max-Forwards: 70",
        "Content-Length: 0",
        "",
        "",
    ]
)
NO_PROTOCOL = b"\x80" + bytes(range(1, 60))
HTTP = "GET / HTTP/1.1\r\nHost: {}\r\n\r\n"

# Call → client, host whose address is meant (or an address), port, and what is said.
CALLS: dict[str, tuple[str, str, int, bytes | str]] = {
    "lied to": ("udp", PROVIDERS_RESOLVER, 53, query("www.snapchat.com")),
    "not lied to": ("udp", PUBLIC, 53, query("www.snapchat.com")),
    "denied by all": ("udp", PUBLIC, 53, query("web.snapchat.com")),
    "black hole": ("tls", "chat.signal.org", 443, "chat.signal.org"),
    "prohibited": ("tls", "storage.signal.org", 443, "storage.signal.org"),
    "no black hole": ("tls", "sfu.voip.signal.org", 443, "sfu.voip.signal.org"),
    "syn reset": ("tls", "cdsi.signal.org", 443, "cdsi.signal.org"),
    "greeted by a proxy": ("tcp", "cdn.signal.org", 443, b"anything"),
    "blocked datagram": ("udp", "stun.voipgate.com", 3478, STUN),
    "same over TCP": ("tcp", "stun.voipgate.com", 3478, STUN),
    "dropped payload": ("udp", "stun.uls.co.za", 3478, STUN),
    "other payload": ("udp", "stun.mixvoip.com", 3478, STUN),
    "no listed protocol": ("tcp", "e1.whatsapp.net", 5222, NO_PROTOCOL),
    "reset name": ("tls", "web.telegram.org", 443, "web.telegram.org"),
    "other name there": ("tls", "web.telegram.org", 443, "www.example.org"),
    "dropped name": ("tls", "web.whatsapp.com", 443, "web.whatsapp.com"),
    "another name there": ("tls", "web.whatsapp.com", 443, "www.example.org"),
    "intercepted": ("tls", "x.com", 443, "x.com"),
    "not intercepted": ("tls", "api.x.com", 443, "api.x.com"),
    "block page": ("tcp", "sgshort.wechat.com", 80, HTTP.format("sgshort.wechat.com").encode()),
    "other host there": ("tcp", "sgshort.wechat.com", 80, HTTP.format("www.example.org").encode()),
    "reset host": ("tcp", "dns.weixin.qq.com", 8080, HTTP.format("dns.weixin.qq.com").encode()),
    "dropped host": ("tcp", "dns.weixin.qq.com", 8080, HTTP.format("dropped.example").encode()),
    "another host there": ("tcp", "dns.weixin.qq.com", 8080, HTTP.format("www.example.org").encode()),
    "named over QUIC": ("udp", "www.facebook.com", 443, next(first_flight("www.facebook.com"))),
    "other name over QUIC": ("udp", "www.facebook.com", 443, next(first_flight("www.example.org"))),
    "request in a stream": ("tcp", "sip.telnyx.eu", 5060, SIP.format("TCP").encode()),
    "same as a datagram": ("udp", "sip.telnyx.eu", 5060, SIP.format("UDP").encode()),
    "through a gateway": ("udp", "proxy.sipthor.net", 5060, SIP.format("UDP").encode()),
    "mail": ("tcp", "smtp.gmail.com", 587, b"EHLO there\r\n"),
}
TOLD_TO_WAIT = {"mail"}  # the server speaks first

MET = {
    "DNSInjection": "test_dns.test_injections_race_as_their_keys_say",
    "DNSIntercept": "test_dns.test_who_answers_in_everybodys_place",
    **{type(censor).__name__: "test_on_the_wire.test_each_class_does_on_the_wire_what_it_says" for censor in CENSORS},
}
"""Class → the test that meets it on the wire."""


def met(tmp_path: Path) -> dict[str, dict[str, str]]:
    """What the clients at the volunteer's place met, call by call."""
    scenario = Scenario("mine", "A test", censors=CENSORS)
    zone = build_world(bundled_targets(), scenario, 0).zone
    calls = {}
    for key, (client, host, port, words) in CALLS.items():
        address = next((ip for ip in zone.get(host, ()) if ":" not in ip), host)
        said = words if isinstance(words, str) else words.hex()
        calls[key] = [client, address, port, said, *([True] if key in TOLD_TO_WAIT else [])]
    out, asked = tmp_path / "met.json", tmp_path / "calls.json"
    asked.write_text(json.dumps(calls))
    command = ["sh", "-c", f"exec {sys.executable} {wire_clients.__file__} {out} < {asked}", str(out)]
    assert run_command(scenario, bundled_targets(), command, consent=VERSION) == 0
    found: dict[str, dict[str, str]] = json.loads(out.read_text())
    return found


def test_each_class_does_on_the_wire_what_it_says(tmp_path: Path) -> None:
    seen = met(tmp_path)
    ends = {key: one["end"] for key, one in seen.items()}
    came = {key: bytes.fromhex(one.get("came", "")) for key, one in seen.items()}
    assert {key for key, end in ends.items() if end == "TimeoutError"} == {
        *("black hole", "blocked datagram", "dropped payload", "dropped name", "dropped host", "named over QUIC"),
    }
    assert {key for key, end in ends.items() if end == "ConnectionResetError"} == {
        *("greeted by a proxy", "no listed protocol", "reset name", "reset host", "request in a stream"),
    }
    assert (ends["syn reset"], ends["prohibited"]) == ("ConnectionRefusedError", "OSError")
    assert addresses_in(came["lied to"]) == [LIE] != addresses_in(came["not lied to"]) != []
    assert came["denied by all"][3] & 0x0F == 3
    assert came["other payload"][:2] == came["same over TCP"][:2] == b"\1\1"
    assert PAGE.encode() in came["block page"] and PAGE.encode() not in came["other host there"]
    assert came["other host there"].startswith(b"HTTP/1.1 ") and came["another host there"].startswith(b"HTTP/1.1 ")
    assert b"anonymous.invalid" in came["same as a datagram"].split(b"\r\n")[1]
    assert b"anonymous.invalid" not in came["through a gateway"].split(b"\r\n")[1]
    assert b"STARTTLS" not in came["mail"] and b"250-XXXXXXX" in came["mail"]
    forged, genuine = (
        x509.load_der_x509_certificate(bytes.fromhex(seen[key]["certificate"]))
        for key in ("intercepted", "not intercepted")
    )
    assert forged.issuer == forged.subject and genuine.issuer != genuine.subject


def test_the_tests_that_meet_a_class_are_there_and_make_it() -> None:
    for kind, where in MET.items():
        module, _, name = where.partition(".")
        tree = ast.parse(Path(__file__).with_name(f"{module}.py").read_text(encoding="utf-8"))
        made = {
            node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert kind in made
