"""Provide valid bytes of every format, from test vectors and files of the repository."""

import gzip
import json
import tarfile
from pathlib import Path

from probe.lab.scenario.bundled_scenarios import FOLDER as _SCENARIOS
from probe.lab.services.dns.ech_records import config_list
from probe.sharing.container import pack_lines
from probe.targets.target_files import bundled_targets
from probe.wire import stun
from probe.wire.dns.dns_message import build_query
from probe.wire.dtls.client_hello import HelloWriter, parse_client_hello
from probe.wire.dtls.server_answers import cookie_for, fatal_alert, hello_verify_request, server_hello
from probe.wire.media.reflector_shape import ReflectorShape
from probe.wire.media.shape import PacketRequest
from probe.wire.media.whatsapp_shape import WhatsAppShape
from probe.wire.sip.sdp import write_offer
from probe.wire.telegram import mtproto, reflector
from probe.wire.whatsapp import noise
from probe.wire.whatsapp.certificate_chain import make_chain
from tests.sharing.shared_runs import line as shared_line
from tests.sharing.shared_runs import manifest_of
from tests.support.servers.authority import issue
from tests.support.servers.dns import answer_to
from tests.support.sip_torture import MESSAGES

DNS_QUERY = build_query("www.example.com", "A", 0x1234)
DNS = (answer_to(DNS_QUERY, "192.0.2.1", "192.0.2.2"), answer_to(DNS_QUERY, rcode=3), DNS_QUERY)
IMAP = (
    b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n",
    b"* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK done\r\n",
    b"* BYE {3}\r\nabc gone\r\n",
)
SMTP = (b"220 mail.example ESMTP\r\n", b"250-mail.example\r\n250-STARTTLS\r\n250 SIZE 10\r\n", b"421\r\n")
MTPROTO = (
    mtproto.res_pq(bytes(16), bytes(16), bytes(8), [1, 2, 3], 1),
    mtproto.abridged(mtproto.res_pq(bytes(16), bytes(16), bytes(8), [1], 1)),
    mtproto.transport_error(-404),
    mtproto.request(bytes(16), 1 << 32),
)
_TAG = reflector.peer_tag(reflector.CALLER, bytes(range(11)), b"abcd")
REFLECTOR = (
    reflector.hello(_TAG),
    reflector.self_info(_TAG, "192.0.2.1", 9, 1),
    reflector.frame(reflector.data_packet(_TAG, b"efgh", b"data")),
)
_DTLS_HELLO = HelloWriter("dtls13", bytes(32), bytes(32)).first()
_DTLS_ASKED = parse_client_hello(_DTLS_HELLO)
DTLS = (
    _DTLS_HELLO,
    hello_verify_request(_DTLS_ASKED, cookie_for(b"secret", ("192.0.2.1", 9), _DTLS_ASKED, 1)),
    server_hello(_DTLS_ASKED, bytes(32), 0xC02B),
    fatal_alert(40, 1),
)
NOISE_KEY = bytes(range(32))
NOISE_CHAIN = (make_chain(NOISE_KEY, noise.public_of(NOISE_KEY), not_before=0, not_after=9),)
NOISE = (
    noise.server_hello(noise.public_of(NOISE_KEY), NOISE_KEY, NOISE_CHAIN[0]),
    noise.frame(noise.client_hello(noise.public_of(NOISE_KEY))),
    noise.client_hello(noise.public_of(NOISE_KEY)),
)
QUIC = (bytes.fromhex("c300000001088394c8f03e5157080000449e00000002") + bytes(1178), b"\x06\0\x04abcd\0\1")
SIP = tuple(MESSAGES.values())
SIP_HEADERS = (
    b'"A. G. Bell" <sip:agb@bell.example>;tag=a48s, sip:b@example',
    b"SIP / 2.0 / UDP [2001:db8::1]:5060;branch=z9hG4bK77;received=192.0.2.1",
    b"1 OPTIONS",
)
SDP = (
    write_offer("192.0.2.1", 40000, 1),
    b"v=0\no=- 1 1 IN IP6 ::1\nc=IN IP6 ::1\nt=0 0\nm=video 9/2 RTP/AVP 31\nm=audio 6 RTP/AVP 0\na=inactive\n",
)
STUN = (
    stun.binding_request(bytes(12)),
    stun.build("success", stun.BINDING, bytes(12), (stun.xor_mapped_address("192.0.2.1", 9, bytes(12)),)),
    stun.build("error", stun.ALLOCATE, bytes(12), (stun.error_code(401, "no"), (stun.REALM, b"r")), fingerprint=True),
)
_REQUEST = PacketRequest(bytes(range(12)), bytes(20), bytes(12))
MEDIA = tuple(
    datagram
    for shape in (WhatsAppShape, ReflectorShape)
    for datagram in (
        shape.write_request(_REQUEST),
        shape.write_response(_REQUEST, bytes(20), ("192.0.2.1", 9)),
        shape(bytes(12), "forth").write_packet(0, bytes(112)),
    )
)
TLS = (b"\x16\x03\x03\0\4\2\0\0\0", b"\x15\x03\x03\0\2\2\x28", b"\x14\3\3\0\1\1\x17\3\3\0\1a")
HTTP = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200\nTransfer-Encoding: chunked\n\n3;a\r\nabc\r\n0\r\n\r\n",
    b"you are 192.0.2.1 and 2001:db8::1 and aa:bb:cc:dd:ee:ff",
)
ECH_CONFIGS = (config_list("cloudflare-ech.com", bytes(32)), b"\0\4\xfe\x0a\0\0")
CERTIFICATE = (issue("a.example").der, issue("An authority", authority=True).der)
_LINE = {
    "test_name": "telegram",
    "probe_cc": "XX",
    "probe_asn": "AS1",
    "measurement_start_time": "2026-11-24 13:05:00",
    "test_keys": {
        "tcp_connect": [{"ip": "192.0.2.1", "port": 443, "status": {"failure": None}, "transaction_id": 1, "t": 0.1}],
        "x_transactions": [{"transaction_id": 1, "kind": "first", "steps": ["connect"], "failure": None}],
        "x_target": {"name": "telegram", "services": {"web": {"works_if": "all", "endpoints": ["tcp://192.0.2.1:1"]}}},
        "x_run": {"preflight": {}, "families": {"ipv4": True}},
    },
}
LINES = (json.dumps(_LINE).encode(), json.dumps(_LINE).encode() + b"\n[]\n{")
_OONI = Path(__file__).parents[1] / "fixtures" / "ooni"
OONI_LINES = tuple((_OONI / f"{name}.json").read_bytes() for name in ("stun-ok", "web-clear-ok", "dnscheck-ok", "tor"))
LISTINGS = (
    b"<ListBucketResult><Contents><Key>a</Key><Size>1</Size><ETag>b</ETag></Contents></ListBucketResult>",
    b"<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>a</NextContinuationToken></ListBucketResult>",
)


def _postcan() -> bytes:
    member = tarfile.TarInfo("a/b.post")
    member.size = len(LINES[0])
    return member.tobuf(tarfile.USTAR_FORMAT) + LINES[0] + bytes(-member.size % 512 + 1024)


SHARED = (pack_lines(manifest_of(shared_line()), [shared_line()]), manifest_of(shared_line()).line())
POSTCANS = (_postcan(), gzip.compress(_postcan()))
ANSWERS = (
    b'{"software_version": "0", "targets_digest": "0", "your_address": "192.0.2.1", "test_keys": {},'
    b' "preflight": {"ipv4": true, "ipv6": false, "udp": true}}',
)
OONI_QUESTIONS = (
    b'{"http_request": "https://www.example.com/", "tcp_connect": ["93.184.216.34:443", "[2606:2800::1]:443"], '
    b'"http_request_headers": {"Accept": ["*/*"]}, "x_quic_enabled": false}',
    b'{"http_request": "http://1.1.1.1:8080/a?b", "tcp_connect": null}',
)
OONI_ANSWERS = (
    b'{"tcp_connect": {"93.184.216.34:443": {"status": true, "failure": null}}, "tls_handshake": {"93.184.216.34:443": '
    b'{"server_name": "www.example.com", "status": false, "failure": "ssl_invalid_hostname"}}, "quic_handshake": {}, '
    b'"http_request": {"status_code": 200, "failure": null}, "dns": {"failure": null, "addrs": ["93.184.216.34"]}, '
    b'"ip_info": {"93.184.216.34": {"asn": 15133, "flags": 2}}}',
    b'{"dns": {"failure": "dns_name_error", "addrs": []}, "http_request": {"status_code": -1, "failure": "x"}}',
)
QUESTIONS = (b'{"target": "telegram", "services": ["web"], "addresses": {"a.example": ["192.0.2.1"]}}',)
TARGETS = tuple(path.read_bytes() for path in sorted(Path(bundled_targets()).glob("*.toml"))[:4])
SCENARIOS = tuple(path.read_bytes() for path in sorted(_SCENARIOS.glob("*.toml"))[:8])
ENDPOINTS = (b"https://a.example:443/", b"sip://[2001:db8::1]:5060;transport=tls", b"smtp+starttls://a.example:587")
