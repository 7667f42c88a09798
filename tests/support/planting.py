"""Run servers on loopback that plant the user's address, in any form, in every field of their answers."""

import asyncio
import base64
import ipaddress
import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import dns.edns
import dns.message
import dns.rrset
from aiohttp import web

from probe.control import own as control
from probe.formats.exchanges.media import MediaFlow, ReflectorCall, SIPCall, WebRTCCall
from probe.helper.media.media_reflector import Reflector
from probe.steps.calls.dtls import dtls_hello
from probe.steps.calls.media import media_flow
from probe.steps.calls.reflector import reflector_hello, reflector_hello_udp
from probe.steps.calls.reflector_call import reflector_call
from probe.steps.calls.sip import sip_options_udp
from probe.steps.calls.sip_call import sip_call
from probe.steps.calls.stun import stun_exchange_udp
from probe.steps.calls.webrtc_call import webrtc_call
from probe.steps.dns.dns import query_udp
from probe.steps.http.http import http_request
from probe.steps.mail.imap import IMAP
from probe.steps.mail.mail_stream import MailStream
from probe.steps.mail.smtp import SMTP
from probe.steps.messengers.mtproto import mtproto_exchange
from probe.steps.messengers.noise import noise_handshake
from probe.steps.tcp import tcp_connect
from probe.steps.tls.certificate_checks import load_roots
from probe.steps.tls.tls import tls_handshake
from probe.wire import stun
from probe.wire.dtls.client_hello import parse_client_hello
from probe.wire.dtls.server_answers import hello_verify_request
from probe.wire.media.shapes import ShapeName
from probe.wire.sip.response import build_response
from probe.wire.sip.sdp import write_answer
from probe.wire.sip.sip_message import read_message
from probe.wire.tampering import with_ends_swapped
from probe.wire.telegram import mtproto, reflector
from probe.wire.whatsapp import noise
from probe.wire.whatsapp.protobuf import write_field
from tests.control.test_own import CHAT, GOOD, helper
from tests.steps.messengers.test_mtproto import PQ, data_centre
from tests.steps.messengers.test_noise import ROOT, chain, chat_server
from tests.support.servers.authority import issue
from tests.support.servers.dns import NAME, Asked, udp_server
from tests.support.servers.loopback import Bench, Peer, a_transaction, serving, silence, tls_with
from tests.support.servers.mail import Script, imap, smtp

Wrote = list[dict[str, Any]] | dict[str, Any]
Plant = Callable[[str, str], Coroutine[Any, Any, Wrote]]  # entry of the step, by address and form


async def written(bench: Bench) -> list[dict[str, Any]]:
    await bench.trace.finish(patience=0.01)
    return [entry.model_dump(mode="json") | {"LIST": entry.LIST} for entry in bench.trace.entries]


async def ask_dns(behave: Callable[[Asked, dns.message.Message], None], kind: str = "A") -> list[dict[str, Any]]:
    def answer(asked: Asked) -> None:
        message = dns.message.make_response(dns.message.from_wire(asked.query), recursion_available=True)
        behave(asked, message)
        asked.send(message.to_wire(max_size=65535))

    async with udp_server(answer) as server:
        async with a_transaction() as bench:
            await query_udp(bench.tx, "127.0.0.1", NAME, kind, pace=bench.pace, port=server.port, shown_as="system")
        return await written(bench)


async def dns_answer(address: str, form: str) -> Wrote:
    kind = "AAAA" if ":" in address else "A"
    return await ask_dns(lambda _, m: m.answer.append(dns.rrset.from_text(NAME + ".", 60, "IN", kind, address)), kind)


async def dns_ttl(address: str, form: str) -> Wrote:
    """Return the address as a TTL of 31 bits (RFC 2181 section 8), in the byte order that fits."""
    packed = ipaddress.ip_address(address).packed[:4]
    numbers = [number for order in ("big", "little") if (number := int.from_bytes(packed, order)) < 2**31]
    ttl = numbers[0] if numbers else 60
    return await ask_dns(lambda _, m: m.answer.append(dns.rrset.from_text(NAME + ".", ttl, "IN", "A", "192.0.2.1")))


async def dns_cname(address: str, form: str) -> Wrote:
    fits = all(c.isalnum() or c in "-._" for c in form) and all(0 < len(part) < 64 for part in form.split("."))
    name = f"{form if fits else address.replace(':', '-')}.example."

    def behave(asked: Asked, message: dns.message.Message) -> None:
        message.answer.append(dns.rrset.from_text(NAME + ".", 60, "IN", "CNAME", name))
        message.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.1"))

    return await ask_dns(behave)


async def dns_text(address: str, form: str) -> Wrote:
    quoted = json.dumps(form[:250])
    return await ask_dns(lambda _, m: m.additional.append(dns.rrset.from_text(NAME + ".", 60, "IN", "TXT", quoted)))


async def dns_client_subnet(address: str, form: str) -> Wrote:
    option = dns.edns.ECSOption(address, 32 if "." in address else 128)
    nsid = dns.edns.GenericOption(dns.edns.OptionType.NSID, form.encode())
    return await ask_dns(lambda _, m: m.use_edns(0, options=[option, nsid]))


async def handshake_with(names: tuple[str, ...], common: str) -> Wrote:
    issued = issue(common, names=names)
    async with serving(tls_with(issued.server_context())) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        await tls_handshake(bench.tx, conn, NAME, pace=bench.pace, roots=load_roots())
    return await written(bench)


async def certificate_subject(address: str, form: str) -> Wrote:
    return await handshake_with((NAME,), form if len(form) <= 64 else address)


async def certificate_name(address: str, form: str) -> Wrote:
    return await handshake_with((NAME, form if form != address else f"{form}.example"), NAME)


async def certificate_address(address: str, form: str) -> Wrote:
    return await handshake_with((NAME, address), NAME)


async def greeted(raw: bytes, then: Callable[[Bench, int], Awaitable[Any]]) -> Wrote:
    async def greet(peer: Peer) -> None:
        await peer.receive()
        await peer.send(raw)
        await asyncio.sleep(0.02)

    async with serving(greet) as server, a_transaction() as bench:
        await then(bench, server.port)
    return await written(bench)


async def tls_first_bytes(address: str, form: str) -> Wrote:
    async def then(bench: Bench, port: int) -> None:
        conn = await tcp_connect(bench.tx, "127.0.0.1", port, pace=bench.pace)
        await tls_handshake(bench.tx, conn, NAME, pace=bench.pace, roots=load_roots())

    return await greeted(f"HTTP/1.1 403 {form} no\r\n\r\n".encode(), then)


async def mtproto_answer(address: str, form: str) -> Wrote:
    async def then(bench: Bench, port: int) -> None:
        conn = await tcp_connect(bench.tx, "127.0.0.1", port, pace=bench.pace)
        await mtproto_exchange(bench.tx, conn, pace=bench.pace, timeout=1.0)

    raw = form.encode()[:500].ljust(40, b"\0")  # one byte names the length
    return await greeted(bytes([len(raw) // 4]) + raw[: len(raw) // 4 * 4], then)


async def mtproto_proper(address: str, form: str) -> Wrote:
    """Answer as a data centre does, with the address in every part that the server chooses."""
    told = form.encode()[:16].ljust(16, b"\0")
    numbers = [int(ipaddress.ip_address(address)) & (2**63 - 1), int.from_bytes(told[:8], "little")]
    answer = data_centre(lambda nonce: mtproto.res_pq(nonce, told, PQ, numbers, numbers[0]))
    async with serving(answer) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        await mtproto_exchange(bench.tx, conn, pace=bench.pace, timeout=2.0)
    wrote = await written(bench)
    assert wrote[-1]["nonce_echoed"] is True
    return wrote


async def noise_proper(address: str, form: str) -> Wrote:
    """Answer as WhatsApp's server does, with the address in a field that the client does not know."""
    payload = chain() + write_field(15, form.encode()) + write_field(14, ipaddress.ip_address(address).packed)
    async with serving(chat_server(payload)) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        await noise_handshake(bench.tx, conn, pace=bench.pace, timeout=2.0, root_key=noise.public_of(ROOT))
    wrote = await written(bench)
    assert wrote[-1]["chain_valid"] is True
    return wrote


async def noise_answer(address: str, form: str) -> Wrote:
    async def then(bench: Bench, port: int) -> None:
        conn = await tcp_connect(bench.tx, "127.0.0.1", port, pace=bench.pace)
        await noise_handshake(bench.tx, conn, pace=bench.pace, timeout=1.0)

    raw = f"<- {form} ->".encode()
    return await greeted(len(raw).to_bytes(3, "big") + raw, then)


def mail(script: Callable[[bytes], Script]) -> Plant:
    """Run a mail server that greets and upgrades as `script`, which receives the form."""

    async def plant(address: str, form: str) -> Wrote:
        dialogue = script(form.encode())
        async with serving(dialogue.handler) as server, a_transaction() as bench:
            stream = MailStream(await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace))
            if dialogue.banner.startswith(b"220"):
                await SMTP.greeting(bench.tx, stream, pace=bench.pace, timeout=0.5)
                await SMTP.starttls(bench.tx, stream, pace=bench.pace, timeout=0.5)
            else:
                await IMAP.greeting(bench.tx, stream, pace=bench.pace, timeout=0.5)
        return await written(bench)

    return plant


def stun_answers(foreign: Callable[[bytes, str], bytes]) -> Plant:
    """Run a STUN server that sends `foreign` (made from the answer and the form) before its answer."""

    def answer(query: bytes, address: str, form: str) -> bytes:
        transaction_id = stun.parse(query).transaction_id
        attributes = (stun.xor_mapped_address(address, 40123, transaction_id), (stun.SOFTWARE, form.encode()))
        return stun.build("success", stun.BINDING, transaction_id, attributes)

    return _udp_answers(answer, foreign, stun_exchange_udp)


def reflector_answers(foreign: Callable[[bytes, str], bytes]) -> Plant:
    """Run a call relay that sends `foreign` (made from the answer and the form) before its answer."""

    def answer(query: bytes, address: str, form: str) -> bytes:
        return reflector.self_info(query[: reflector.TAG], address, 40123, 1)

    return _udp_answers(answer, foreign, reflector_hello_udp)


def dtls_answers(foreign: Callable[[bytes, str], bytes]) -> Plant:
    """Run a DTLS server whose cookie is the address, and which sends `foreign` before its answer."""

    def answer(query: bytes, address: str, form: str) -> bytes:
        return hello_verify_request(parse_client_hello(query), address.encode() + form.encode())

    return _udp_answers(answer, foreign, dtls_hello)


def _udp_answers(
    answer: Callable[[bytes, str, str], bytes],
    foreign: Callable[[bytes, str], bytes],
    step: Callable[..., Coroutine[Any, Any, Any]],
) -> Plant:
    """Run a server over UDP. `answer` makes its answer from the query, the address and the form."""

    async def plant(address: str, form: str) -> Wrote:
        def behave(asked: Asked) -> None:
            made = answer(asked.query, address, form)
            asked.send(foreign(made, form))
            asked.send(made)

        async with udp_server(behave) as server, a_transaction() as bench:
            await step(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        return await written(bench)

    return plant


def media_answers(shape: ShapeName) -> Plant:
    """Reflect a media flow as the helper does, with the form before each datagram.

    The responses hold the client's address, and the helper believes that the client is there.
    """

    async def plant(address: str, form: str) -> Wrote:
        helper_side = Reflector()
        token = bytes.fromhex(helper_side.tokens.issue())

        def behave(asked: Asked) -> None:
            asked.send(form.encode())
            answer = helper_side.answer(asked.query, (address, 40123))
            assert answer is not None
            asked.send(answer)

        async with udp_server(behave) as server, a_transaction() as bench:
            await media_flow(bench.tx, "127.0.0.1", server.port, token, shape, pace=bench.pace, seconds=0.06)
        (entry,) = bench.tx.entries
        assert isinstance(entry, MediaFlow) and entry.returned == 3 and entry.foreign > 0
        return await written(bench)

    return plant


async def call_through_a_relay(address: str, form: str) -> Wrote:
    """Run a call relay that tells a client its address, and sends it the form before each datagram."""

    def behave(asked: Asked) -> None:
        asked.send(form.encode())
        asked.send(reflector.self_info(asked.query[: reflector.TAG], address, 40123, 1))

    async with udp_server(behave) as server, a_transaction() as bench:
        await reflector_call(bench.tx, "127.0.0.1", server.port, pace=bench.pace, seconds=0.06, setup=1.0)
    (entry,) = bench.tx.entries
    assert isinstance(entry, ReflectorCall) and entry.ready == 2 and entry.foreign > 0
    return await written(bench)


def reflector_answers_over_tcp(foreign: Callable[[bytes, str], bytes]) -> Plant:
    """Run a call relay over TCP that sends `foreign` (made from the answer and the form) before its answer."""

    async def plant(address: str, form: str) -> Wrote:
        async def behave(peer: Peer) -> None:
            asked = await peer.receive()
            answer = reflector.frame(reflector.self_info(asked[8 : 8 + reflector.TAG], address, 40123, 1))
            await peer.send(foreign(answer, form) + answer)
            await silence(peer)

        async with serving(behave) as server, a_transaction() as bench:
            conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
            await reflector_hello(bench.tx, conn, pace=bench.pace, timeout=0.5)
        return await written(bench)

    return plant


def sip_answers(template: str, foreign: bool = False) -> Plant:
    """Run a SIP server that plants the form at `{}`. `foreign`: in a message to another client, sent first."""

    async def plant(address: str, form: str) -> Wrote:
        def behave(asked: Asked) -> None:
            request = read_message(asked.query)
            via = request.first("via")
            head = f"SIP/2.0 200 OK\r\nVia: {via}\r\nCall-ID: {request.call_id}\r\n"
            response = template.replace("{via}", via).replace("{}", form)
            if foreign:
                asked.send(response.encode())
                asked.send(f"{head}\r\n".encode())
            else:
                asked.send(f"{response}Call-ID: {request.call_id}\r\n\r\n".encode())

        async with udp_server(behave) as server, a_transaction() as bench:
            await sip_options_udp(bench.tx, "127.0.0.1", server.port, NAME, pace=bench.pace)
        return await written(bench)

    return plant


async def sip_call_proper(address: str, form: str) -> Wrote:
    """Answer a call, with the form in every field that the callee chooses, and in voice packets."""

    def behave(asked: Asked) -> None:
        if not asked.query[:1].isalpha():
            asked.send(asked.query[:12] + form.encode())
            asked.send(asked.query)
            return
        message = read_message(asked.query)
        asked.send(form.encode())
        if message.method == "INVITE":
            body = write_answer(message.body, 111, "127.0.0.1", server.port, 1) + f"s={form}\r\n".encode()
            more = (f"Contact: <sip:{form}@{address}>", f"Server: {form}", f"Subject: {address}")
            asked.send(build_response(message, 180, form, tag=form))
            asked.send(build_response(message, 200, form, tag=form, more=more, body=body))
        elif message.method == "BYE":
            asked.send(build_response(message, 200, form))

    async with udp_server(behave) as server, a_transaction() as bench:
        await sip_call(bench.tx, "127.0.0.1", server.port, "x", pace=bench.pace, seconds=0.06)
    (entry,) = bench.tx.entries
    assert isinstance(entry, SIPCall) and (entry.code, entry.returned) == (200, 3) and entry.foreign > 0
    return await written(bench)


async def webrtc_signalling(address: str, form: str) -> Wrote:
    """Answer the signalling of a WebRTC call, with the form beside the usable values and as every answer over UDP."""

    async def signal(question: Any) -> dict[str, Any]:
        usable = {"ufrag": "abcd", "pwd": "a" * 22, "fingerprint": ":".join(["AB"] * 32)}
        return {**usable, "ports": {"4": [server.port, form, address], form: address}, form: form}

    async with udp_server(lambda asked: asked.send(form.encode())) as server, a_transaction() as bench:
        await webrtc_call(bench.tx, "127.0.0.1", "00" * 12, signal, pace=bench.pace, seconds=0.1, setup=0.3)
    (entry,) = bench.tx.entries
    assert isinstance(entry, WebRTCCall) and entry.signalled is not None and entry.failure is not None
    return await written(bench)


def over_http(status: str = "200 OK", headers: str = "", body: str = "") -> Plant:
    """Send a plain HTTP answer with the form at `{}`."""

    async def plant(address: str, form: str) -> Wrote:
        async def then(bench: Bench, port: int) -> None:
            conn = await tcp_connect(bench.tx, "127.0.0.1", port, pace=bench.pace)
            await http_request(bench.tx, conn, "GET", f"http://{NAME}/", pace=bench.pace)

        head = "\r\n".join(["HTTP/1.1 " + status, *headers.split("\n"), "Connection: close"])
        return await greeted(f"{head}\r\n\r\n{body}".replace("{}", form).encode(), then)

    return plant


def from_helper(answer: Callable[[str, str], dict[str, Any]]) -> Plant:
    async def plant(address: str, form: str) -> Wrote:
        async def handler(request: web.Request) -> web.Response:
            return web.json_response(GOOD | {"your_address": address} | answer(address, form))

        learned: list[str] = []
        async with helper(handler) as url:
            wrote = await control.ask(url, CHAT, {}, roots=load_roots(), learned=learned.append)
        assert wrote["failure"] is None and learned == [address] and "your_address" not in wrote
        return wrote

    return plant


def coded(address: str, form: str) -> dict[str, Any]:
    raw = b"\x01\x02\x03" + ipaddress.ip_address(address).packed + form.encode()
    return {"format": "base64", "data": base64.b64encode(raw).decode()}


PLANTS: dict[str, Plant] = {
    "dns answer": dns_answer,
    "dns ttl": dns_ttl,
    "dns cname": dns_cname,
    "dns additional text": dns_text,
    "dns client subnet and nsid": dns_client_subnet,
    "certificate subject": certificate_subject,
    "certificate name": certificate_name,
    "certificate address": certificate_address,
    "tls first bytes": tls_first_bytes,
    "http title": over_http(body="<html><title>Blocked for {}</title></html>"),
    "http body": over_http(body="Your address {} is noted"),
    "http reason": over_http(status="403 {}"),
    "http server": over_http(headers="Server: nginx {}"),
    "http content type": over_http(headers="Content-Type: text/html; for={}"),
    "http other headers": over_http(headers="X-Client-IP: {}\nVia: 1.1 {}\nSet-Cookie: ip={}"),
    "http location": over_http(status="302 Found", headers="Location: http://{}.block.example/?ip={}"),
    "http garbage": over_http(status="{}", headers="{}: {}"),
    "mtproto answer": mtproto_answer,
    "mtproto, as it should be": mtproto_proper,
    "noise answer": noise_answer,
    "noise, as it should be": noise_proper,
    "stun answer": stun_answers(lambda answer, form: form.encode()),
    "stun answer to somebody else": stun_answers(lambda answer, form: answer[:8] + bytes(12) + answer[20:]),
    "stun answer with exchanged ends": stun_answers(lambda answer, form: with_ends_swapped(answer)),
    "stun answer without a cookie": stun_answers(lambda answer, form: answer[:4] + bytes(4) + answer[8:]),
    "reflector answer": reflector_answers(lambda answer, form: form.encode()),
    "reflector answer to somebody else": reflector_answers(lambda answer, form: b"\1" + answer[1:]),
    "reflector answer over tcp": reflector_answers_over_tcp(lambda answer, form: b""),
    "reflector text over tcp": reflector_answers_over_tcp(lambda answer, form: form.encode()),
    "reflector short frame over tcp": reflector_answers_over_tcp(
        lambda answer, form: reflector.frame(form.encode()[:15])
    ),
    "reflector answer over tcp to somebody else": reflector_answers_over_tcp(
        lambda answer, form: answer[:4] + b"\1" + answer[5:]
    ),
    "media flow of a call": media_answers("rtp"),
    "media flow of a call over WhatsApp": media_answers("whatsapp"),
    "media flow of a call over Telegram": media_answers("reflector"),
    "call through a relay": call_through_a_relay,
    "media flow of random bytes": media_answers("opaque"),
    "sip call": sip_call_proper,
    "webrtc signalling": webrtc_signalling,
    "dtls cookie": dtls_answers(lambda answer, form: form.encode()),
    "dtls cookie with exchanged ends": dtls_answers(lambda answer, form: with_ends_swapped(answer)),
    "dtls bytes of another kind": dtls_answers(lambda answer, form: b"\x16\xfe\xfd" + form.encode()),
    "sip via": sip_answers("SIP/2.0 200 OK\r\nVia: {via};received={}\r\nContact: <sip:{}>\r\n"),
    "sip sent-by": sip_answers("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP {}:5060;rport=1;branch=x\r\nFrom: <sip:{}>\r\n"),
    "sip server": sip_answers("SIP/2.0 200 OK\r\nVia: {via}\r\nServer: for {}\r\n"),
    "sip reason": sip_answers("SIP/2.0 403 Not from {}\r\nVia: {via}\r\n"),
    "sip answer to somebody else": sip_answers("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP {};received={}\r\n", foreign=True),
    "sip garbage": sip_answers("{} {}\n", foreign=True),
    "smtp banner": mail(lambda form: smtp(banner=b"220 hello %s ESMTP\r\n" % form, ehlo=None)),
    "smtp ehlo": mail(lambda form: smtp(ehlo=b"250-at your service, [%s]\r\n250-X %s\r\n250 %s\r\n" % ((form,) * 3))),
    "smtp go-ahead": mail(lambda form: smtp(starttls=b"220 go %s\r\n250 %s\r\n" % (form, form), upgrades=False)),
    "imap greeting": mail(lambda form: imap(banner=b"* OK requests from %s\r\n" % form, capability=None)),
    "imap capability": mail(lambda form: imap(capability=b"* CAPABILITY X %s\r\na1 OK %s\r\n" % (form, form))),
    "imap garbage": mail(lambda form: imap(capability=b"%s\r\n" % form)),
    "helper version": from_helper(lambda a, form: {"software_version": f"1.0 {form}"}),
    "helper digest": from_helper(lambda a, form: {"targets_digest": form}),
    "helper preflight": from_helper(lambda a, form: {"preflight": {"ipv4": form, form: True}}),
    "helper transfer": from_helper(lambda a, form: {"transfer": {"token": form, "port": form, "sha256": a, form: a}}),
    "helper media": from_helper(lambda a, form: {"media": {"token": form, "port": form, form: a}}),
    "helper calls": from_helper(
        lambda a, form: {"sip": {"token": form, "port": form, form: a}, "webrtc": {"token": form, form: a}}
    ),
    "helper text": from_helper(lambda a, form: {"test_keys": {"queries": [{"failure": f"unknown_failure: {form}"}]}}),
    "helper key": from_helper(lambda a, form: {"test_keys": {a: {a: 1}, "x_ours": 1}}),
    "helper bytes": from_helper(
        lambda a, form: {"test_keys": {"x_first_bytes": coded(a, form), "list": [coded(a, form)]}}
    ),
    "helper number": from_helper(
        lambda a, form: {"test_keys": {"n": int(ipaddress.ip_address(a)) & (2**63 - 1), "a": form}}
    ),
}
