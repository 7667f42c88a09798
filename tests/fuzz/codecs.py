"""List every codec with the exceptions that it documents and valid bytes to begin with."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from probe.analysis.measurement_reader import read_measurement
from probe.analysis.ooni_import import is_ooni, read_ooni
from probe.control.http_client import read_object
from probe.control.ooni_answer import test_keys
from probe.control.ooni_request import question
from probe.control.own import parse
from probe.helper.ooni_request import read_request
from probe.helper.query import RequestRefused, read_question
from probe.http_client.foreign_servers import UnusableAnswer
from probe.lab.scenario.scenario import ScenarioError, load_scenario
from probe.ooni.archive.archive_bucket import Unusable, parse_page
from probe.privacy.redact import scrub_text
from probe.resolution.lookup import control_addresses
from probe.results import Problem, read_lines
from probe.sharing.container import unpack_lines
from probe.sharing.share_manifest import ShareError
from probe.steps.tls.certificate_checks import Roots, judge_chain
from probe.targets.address_guard import Contacts
from probe.targets.target import parse_endpoint
from probe.targets.target_error import TargetError
from probe.targets.target_files import load_target
from probe.wire import stun
from probe.wire.dns import dns_message as dnsmessage
from probe.wire.dns.dns_message import ech_configs
from probe.wire.dtls import client_hello as dtlshello
from probe.wire.dtls import records as dtlsrecords
from probe.wire.dtls import server_answers as dtlsanswers
from probe.wire.http1 import HTTP1Exchange
from probe.wire.mail import imap, smtp
from probe.wire.mail.starttls import offer_in
from probe.wire.media.cookie import is_cookie
from probe.wire.media.opaque import OpaqueShape
from probe.wire.media.reflector_shape import ReflectorShape
from probe.wire.media.rtp import RTPShape
from probe.wire.media.sealed_payload import unseal
from probe.wire.media.shape import Shape, masked
from probe.wire.media.shapes import requests_in
from probe.wire.media.stun_parts import cookie_of, read, token_of
from probe.wire.media.whatsapp_shape import WhatsAppShape
from probe.wire.quotes import compared_with_quote
from probe.wire.sip import headers as sipheaders
from probe.wire.sip import sdp
from probe.wire.sip.call import Call
from probe.wire.sip.response import build_response
from probe.wire.sip.sip_message import NotSIP, SIPStream, read_message
from probe.wire.sip.sip_options import Options, differences
from probe.wire.tampering import with_ends_swapped
from probe.wire.telegram import mtproto, obfuscation, reflector
from probe.wire.tls import client_hello as clienthello
from probe.wire.tls import quic_initial as quicinitial
from probe.wire.tls import records as tlsrecords
from probe.wire.tls.cipher_suites import iana_name
from probe.wire.tls.ech_config import public_name
from probe.wire.tls.server_name import read_hello
from probe.wire.transfer import FrameReader, SenderCounters, write_frame
from probe.wire.whatsapp import certificate_chain as noisechain
from probe.wire.whatsapp import noise, protobuf, xeddsa
from tests.fuzz import seeds
from tests.support.lab.hellos import hello

Take = Callable[[bytes], object]


@dataclass(frozen=True)
class Codec:
    """Hold one codec. `take` gets any bytes and may raise only `documented`."""

    name: str
    take: Take
    documented: tuple[type[Exception], ...] = ()
    seeds: tuple[bytes, ...] = (b"",)


def in_file(name: str, read: Callable[[Path], object]) -> Take:
    def take(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            (path := Path(folder) / name).write_bytes(data)
            read(path)

    return take


def text(read: Callable[[str], object]) -> Take:
    return lambda data: read(data.decode("utf-8", "replace"))


def read_sip(data: bytes) -> None:
    message = read_message(data)
    for value in (message.vias, message.contacts, message.sender, message.receiver, message.cseq, message.call_id):
        assert value is not None
    request = Options("sip.example", "udp")
    request.is_answered_by(message)
    request.rewritten(message)
    assert differences(message, message) == []


def read_sip_call(data: bytes) -> None:
    """Let our probe and its helper go on with any message as that of a call. What they write is SIP."""
    message, call = read_message(data), Call("sip.example", "udp", callee="them")
    call.answers(message, "INVITE")
    call.is_within(message)
    for written in (call.ack(message), call.bye(message), build_response(message, 200, "OK", tag="t")):
        assert read_message(written).content_length == 0 and b"\n\r" not in written[:-2]


def read_sdp(data: bytes) -> None:
    streams, audio = sdp.read_streams(data), sdp.audio_of(data)
    if audio is not None and (chosen := audio.choose()) is not None:
        answered = sdp.read_streams(sdp.write_answer(data, chosen, "192.0.2.1", 40000, 1))
        assert len(answered) == len(streams) and [one.port for one in answered if one.port] == [40000]


def read_sip_stream(data: bytes) -> None:
    stream = SIPStream()
    for at in range(0, len(data), 1 + len(data) // 5):
        stream.feed(data[at : at + 1 + len(data) // 5])


def read_sip_headers(data: bytes) -> None:
    value = data.decode("utf-8", "replace")
    sipheaders.read_via(value)
    sipheaders.read_address(value)
    sipheaders.read_cseq(value)
    sipheaders.values([value])


def read_media(shape: type[Shape]) -> Take:
    def take(data: bytes) -> None:
        request = shape.read_request(data)
        assert request is None or shape.read_request(shape.write_request(request)) == request
        shape.read_response(data, data[8:20])
        shape.read_packet(data)

    return take


def read_stun_parts(data: bytes) -> None:
    for method in (stun.BINDING, stun.ALLOCATE):
        if (message := read(data, "request", method)) is not None:
            token, cookie = token_of(message), cookie_of(message, data[:12])
            assert (token is None or len(token) == 12) and (cookie is None or len(cookie) == 20)


def read_stun(data: bytes) -> None:
    message = stun.parse(data)
    assert message.mapped is None or len(message.mapped) == 2
    assert isinstance(message.error_code, int) and isinstance(message.software, str)
    assert stun.length_of(data) >= stun.HEADER


def read_dns(data: bytes) -> None:
    dnsmessage.read_response(data, seeds.DNS_QUERY)
    dnsmessage.response_id(data)


def read_tls(data: bytes) -> None:
    watch = tlsrecords.RecordWatch()
    for at in range(0, len(data), 7):
        watch.feed(data[at : at + 7])
    assert watch.not_tls in {True, False}
    tlsrecords.is_prefix_of_record(data)


def read_http1(data: bytes) -> None:
    exchange = HTTP1Exchange("GET", "/", {"Host": "a.example"})
    for at in range(0, len(data), 1 + len(data) // 5):
        exchange.feed(data[at : at + 1 + len(data) // 5])
    exchange.feed(b"")


def read_mtproto(data: bytes) -> None:
    payload, _ = mtproto.read_abridged(data)
    mtproto.read_res_pq(data if payload is None else payload)


def read_reflector(data: bytes) -> None:
    packet, _ = reflector.read_frame(data)
    found = reflector.parse(data if packet is None else packet)
    assert found.mapped is None or len(found.mapped) == 2


def read_dtls_records(data: bytes) -> None:
    for record in dtlsrecords.read_records(data):
        assert record.fragment in data
        dtlsrecords.read_handshake(record.fragment)


def read_dtls_hello(data: bytes) -> None:
    begins = dtlshello.is_client_hello(data)
    assert dtlshello.parse_client_hello(data).random in data and begins


def exchange_ends_twice(data: bytes) -> None:
    assert with_ends_swapped(with_ends_swapped(data)) == data


def quote_against_a_request(data: bytes) -> None:
    """Check that a quote of the request itself is never called changed, whatever extension follows it."""
    sent = seeds.STUN[-1]
    compared_with_quote(sent, data, 4)
    compared_with_quote(data, sent, 6)
    assert compared_with_quote(sent, sent + data, 4) == "same"


def read_quic(data: bytes) -> None:
    quicinitial.ClientInitials().feed(data)
    quicinitial.crypto_pieces(data)


def read_noise(data: bytes) -> None:
    noise.read_frame(data)
    noise.open_server_hello(data, seeds.NOISE_KEY)


def read_imap(data: bytes) -> None:
    imap.read_answer(data, "a1")
    imap.read_greeting(data)


def read_lines_of(path: Path) -> None:
    for _, line in read_lines(path):
        assert isinstance(line, Problem | dict)


def judge(data: bytes) -> None:
    line = json.loads(data)
    if isinstance(line, dict):
        read_measurement(line)


def read_ooni_answer(data: bytes) -> None:
    asked = question("www.example.com", 443, [("web", parse_endpoint("https://www.example.com:443/"))], {})
    keys = test_keys([(asked, read_object(data))])
    json.dumps(keys, allow_nan=False)
    control_addresses({"test_keys": keys})


def judge_ooni(data: bytes) -> None:
    line = json.loads(data)
    if isinstance(line, dict) and is_ooni(line):
        read_ooni(line)


ROOTS = Roots()
CODECS = [
    Codec("wire/dns/dns_message", read_dns, (), seeds.DNS),
    Codec("wire/dns/dns_message, HTTPS records", ech_configs, (), seeds.DNS),
    Codec("wire/dns/dns_message, redaction", dnsmessage.cut_options, (), seeds.DNS),
    Codec("wire/mail/imap", read_imap, (imap.NotIMAP,), seeds.IMAP),
    Codec("wire/mail/smtp", smtp.read_reply, (smtp.NotSMTP,), seeds.SMTP),
    Codec("wire/mail/smtp, a second reply", smtp.has_acceptance, (), seeds.SMTP),
    Codec("wire/mail/starttls", text(lambda value: offer_in(value.split())), (), (b"SIZE STARTTLS", b"XXXXXXXA")),
    Codec("wire/telegram/mtproto", read_mtproto, (ValueError, mtproto.TransportError), seeds.MTPROTO),
    Codec("wire/telegram/mtproto, its server", mtproto.read_request, (ValueError,), seeds.MTPROTO),
    Codec("wire/telegram/obfuscation", obfuscation.server_obfuscation, (ValueError,), (b"\xef" * 64, bytes(64))),
    Codec("wire/telegram/reflector", read_reflector, (ValueError,), seeds.REFLECTOR),
    Codec("wire/dtls/records", read_dtls_records, (ValueError,), seeds.DTLS),
    Codec("wire/dtls/client_hello", read_dtls_hello, (ValueError,), seeds.DTLS),
    Codec("wire/dtls/server_answers", dtlsanswers.parse_answer, (ValueError,), seeds.DTLS),
    Codec("wire/whatsapp/noise", read_noise, (ValueError,), seeds.NOISE),
    Codec("wire/whatsapp/noise, its server", noise.read_client_hello, (ValueError,), seeds.NOISE),
    Codec(
        "wire/whatsapp/certificate_chain",
        lambda data: noisechain.check_chain(data, seeds.NOISE_KEY, seeds.NOISE_KEY, 0),
        (noisechain.ChainError,),
        seeds.NOISE_CHAIN,
    ),
    Codec("wire/whatsapp/protobuf", protobuf.read_fields, (ValueError,), seeds.NOISE_CHAIN),
    Codec("wire/whatsapp/xeddsa", lambda data: xeddsa.verify(data[:32], data[96:], data[32:96]), (), (bytes(130),)),
    Codec("wire/tls/quic_initial", read_quic, (quicinitial.NotInitial,), seeds.QUIC),
    Codec("wire/sip/sip_options", read_sip, (NotSIP,), seeds.SIP),
    Codec(
        "wire/sip/sip_request",
        lambda data: Options("h", "udp").is_answered_by(read_message(data)),
        (NotSIP,),
        seeds.SIP,
    ),
    Codec("wire/sip/call", read_sip_call, (NotSIP,), seeds.SIP),
    Codec("wire/sip/response", read_sip_call, (NotSIP,), seeds.SIP),
    Codec("wire/sip/sdp", read_sdp, (), seeds.SDP),
    Codec("wire/sip/sip_message, a stream", read_sip_stream, (NotSIP,), seeds.SIP),
    Codec("wire/sip/headers", read_sip_headers, (), seeds.SIP_HEADERS),
    Codec(
        "wire/media/cookie", lambda data: is_cookie(data, b"key", ("192.0.2.7", 1), data, "rtp", 1), (), (bytes(20),)
    ),
    Codec("wire/media/opaque", read_media(OpaqueShape), (), (bytes(100), bytes(160))),
    Codec("wire/media/rtp", read_media(RTPShape), (), (bytes(160), *seeds.STUN)),
    Codec("wire/media/whatsapp_shape", read_media(WhatsAppShape), (), (bytes(160), *seeds.MEDIA)),
    Codec("wire/media/reflector_shape", read_media(ReflectorShape), (), (bytes(160), *seeds.MEDIA)),
    Codec(
        "wire/transfer",
        lambda data: FrameReader().feed(data),
        (ValueError,),
        (write_frame(1, bytes(20), 20, SenderCounters()),),
    ),
    Codec("wire/media/stun_parts", read_stun_parts, (), (*seeds.STUN, *seeds.MEDIA)),
    Codec("wire/media/sealed_payload", lambda data: unseal(data, bytes(12), "forth"), (), (bytes(112),)),
    Codec("wire/media/shape", lambda data: masked(b"0" + data[:60], data), (), (bytes(12),)),
    Codec("wire/media/shapes", requests_in, (), (bytes(100), *seeds.STUN)),
    Codec("wire/tampering", exchange_ends_twice, (), (b"", bytes(3), bytes(range(20)))),
    Codec("wire/quotes", quote_against_a_request, (), (b"", bytes(8), *seeds.STUN)),
    Codec("wire/stun", read_stun, (ValueError,), seeds.STUN),
    Codec("wire/tls/ech_config", public_name, (ValueError,), seeds.ECH_CONFIGS),
    Codec("wire/tls/records", read_tls, (), seeds.TLS),
    Codec("wire/tls/cipher_suites", text(iana_name), (), (b"ECDHE-RSA-AES128-GCM-SHA256", b"TLS_AES_128_GCM_SHA256")),
    Codec("wire/http1", read_http1, (ValueError, EOFError), seeds.HTTP),
    Codec("steps/tls/certificates", lambda data: judge_chain([data], "a.example", ROOTS), (), seeds.CERTIFICATE),
    Codec("results", in_file("a.jsonl", read_lines_of), (), seeds.LINES),
    Codec("sharing", lambda data: list(unpack_lines(data)[1]), (ShareError,), seeds.SHARED),
    Codec("results, a postcan", in_file("a.tar.gz", read_lines_of), (), seeds.POSTCANS),
    Codec("ooni/archive/listing", parse_page, (Unusable,), seeds.LISTINGS),
    Codec("analysis/ooni_import", judge_ooni, (ValueError, RecursionError), seeds.OONI_LINES),
    Codec("analysis/observations", judge, (ValueError, RecursionError), seeds.LINES),
    Codec("control", parse, (UnusableAnswer,), seeds.ANSWERS),
    Codec("control, of OONI's", read_ooni_answer, (UnusableAnswer,), seeds.OONI_ANSWERS),
    Codec("helper, OONI's request", read_request, (RequestRefused,), seeds.OONI_QUESTIONS),
    Codec(
        "wire/tls/client_hello, longer",
        lambda data: clienthello.longer(data, 2000),
        (ValueError,),
        (hello("a.example"),),
    ),
    Codec("wire/tls/server_name", read_hello, (), (hello("a.example"),)),
    Codec("wire/tls/client_hello, shorter", clienthello.shorter, (ValueError,), (hello("a.example"),)),
    Codec("wire/tls/client_hello, with_ech", clienthello.with_ech, (ValueError,), (hello("a.example"),)),
    Codec("wire/tls/client_hello, without_ech", clienthello.without_ech, (ValueError,), (hello("a.example"),)),
    Codec("wire/tls/client_hello, carries_ech", clienthello.carries_ech, (), (hello("a.example"),)),
    Codec("question", lambda data: read_question(data, {}, Contacts.LAB), (RequestRefused,), seeds.QUESTIONS),
    Codec("targets", in_file("a.toml", load_target), (TargetError,), seeds.TARGETS),
    Codec("targets, an endpoint", text(parse_endpoint), (ValueError,), seeds.ENDPOINTS),
    Codec("lab/scenario", in_file("a.toml", load_scenario), (ScenarioError,), seeds.SCENARIOS),
    Codec("redact", text(scrub_text), (), seeds.HTTP),
]


def run(codec: Codec, data: bytes) -> None:
    """Give `data` to the codec. An undocumented exception passes through."""
    try:
        codec.take(data)
    except codec.documented:
        return
