"""Test that every step asks the guard before it makes a socket, and that no other module makes one."""

import ast
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from probe.formats.failures import NOT_CONTACTED, is_local
from probe.session.pacing import Pace
from probe.session.trace import StepFailed, Trace, Transaction, TransactionFacts
from probe.steps.calls.echo import udp_echo
from probe.steps.calls.media import media_flow
from probe.steps.calls.reflector_call import reflector_call
from probe.steps.calls.sip import sip_options_udp
from probe.steps.calls.sip_call import sip_call
from probe.steps.calls.stun import stun_exchange_udp
from probe.steps.dns.dns import query_udp
from probe.steps.path.limited_datagrams import limited_payload_udp
from probe.steps.path.path_sweep import sweep_path
from probe.steps.quic.quic import quic_handshake
from probe.steps.sockets import limit_segments
from probe.steps.tcp import tcp_connect
from probe.steps.tls.certificate_checks import load_roots
from probe.steps.transfer import transfer
from probe.targets.address_guard import Contacts
from tests.support.socket_recorder import recorded_sockets

PROBE = Path(__file__).parents[2] / "probe"
Step = Callable[[Transaction, str, Pace], Awaitable[object]]
STEPS: dict[str, Step] = {
    "tcp": lambda tx, ip, pace: tcp_connect(tx, ip, 80, pace=pace, timeout=0.3),
    "stun": lambda tx, ip, pace: stun_exchange_udp(tx, ip, 3478, pace=pace, timeout=0.3),
    "sip": lambda tx, ip, pace: sip_options_udp(tx, ip, 5060, "sip.example", pace=pace, timeout=0.3),
    "echo": lambda tx, ip, pace: udp_echo(tx, ip, 7, b"datagram", bytes(12), payload="stun", pace=pace),
    "media": lambda tx, ip, pace: media_flow(tx, ip, 7, bytes(12), "rtp", pace=pace, seconds=0.1),
    "a call through a relay": lambda tx, ip, pace: reflector_call(tx, ip, 597, pace=pace, seconds=0.1, setup=0.2),
    "a call": lambda tx, ip, pace: sip_call(tx, ip, 5060, "x", pace=pace, setup=0.2),
    "a transfer": lambda tx, ip, pace: transfer(tx, ip, 443, bytes(12), "a.example", sha256="", pace=pace),
    "dns": lambda tx, ip, pace: query_udp(tx, ip, "a.example", "A", pace=pace, timeout=0.3),
    "quic": lambda tx, ip, pace: quic_handshake(
        tx, ip, 443, "a.example", pace=pace, roots=load_roots(None), timeout=0.3
    ),
    "sweep over TCP": lambda tx, ip, pace: sweep_path(tx, ip, 80, transport="tcp", pace=pace, show=lambda found: {}),
    "sweep over UDP": lambda tx, ip, pace: sweep_path(tx, ip, 9, transport="udp", pace=pace, show=lambda found: {}),
    "limited TTL": lambda tx, ip, pace: limited_payload_udp(tx, ip, 9, b"datagram", "stun", [1], pace=pace),
}
REFUSED = ["127.0.0.1", "169.254.169.254", "::1", "fec0::1", "64:ff9b::a9fe:a9fe", "fe80::1%lo"]

# Modules that make a socket and never connect it for a measurement, or that connect only our probe.
ELSEWHERE = {
    "steps/sockets.py": "asks the guard",
    "helper/web_page.py": "its connector takes its sockets from steps/sockets.py",
    "helper/helper_server.py": "listens",
    "helper/transfer/port.py": "listens",
    "helper/udp_port.py": "listens",
    "local_server/listening.py": "listens at 127.0.0.1",
    "control/http_client.py": "our probe asks the helper that the user named",
    "ooni/archive/archive_bucket.py": "`probe fetch ooni`",
    "ooni/submission/submission_client.py": "`probe submit`, to the server that the user agreed to",
    "stores/store_client.py": "`probe stores`, and its resolver asks the guard",
    "platforms/interfaces.py": "asks for the link layer, sends nothing",
    "platforms/own_addresses.py": "learns the own addresses, sends nothing",
    "platforms/raw_packets.py": "raw packets",
}
MAKERS = {
    *("socket.socket", "socket.create_connection", "socket.fromfd", "asyncio.open_connection"),
    *("aiohttp.TCPConnector", "asyncio.start_server", "dns.asyncquery", "urllib.request.urlopen"),
}
METHODS = {"create_connection", "create_datagram_endpoint", "create_server", "open_connection"}


@pytest.mark.parametrize("ip", REFUSED)
@pytest.mark.parametrize("step", STEPS)
async def test_step_makes_no_socket_for_a_refused_address(step: str, ip: str) -> None:
    trace = Trace()
    with recorded_sockets() as recorder:
        async with trace.transaction(TransactionFacts("first", address=ip)) as tx:
            await STEPS[step](tx, ip, Pace(contacts=Contacts.PUBLIC))
    assert (recorder.made, recorder.sent_to, trace.bugs, trace.flows) == ([], [], [], [])
    assert trace.transactions[0].failure == NOT_CONTACTED and is_local(NOT_CONTACTED)
    assert [entry.failure for entry in trace.entries] == [NOT_CONTACTED]


@pytest.mark.parametrize("step", STEPS)
async def test_step_makes_a_socket_where_the_run_may_contact_the_address(step: str) -> None:
    trace = Trace()
    with recorded_sockets() as recorder:
        async with trace.transaction(TransactionFacts("first", address="127.0.0.1")) as tx:
            await STEPS[step](tx, "127.0.0.1", Pace(contacts=Contacts.LAB))
        await trace.finish(patience=0.0)
    assert recorder.made and set(recorder.sent_to) == {"127.0.0.1"}
    assert trace.transactions[0].failure != NOT_CONTACTED


async def test_resolver_of_the_system_may_be_private() -> None:
    pace, trace = Pace(contacts=Contacts.PUBLIC), Trace()
    with recorded_sockets() as recorder:
        async with trace.transaction(TransactionFacts("lookup", address="system")) as tx:
            with pytest.raises(StepFailed) as failed:
                await query_udp(tx, "127.0.0.1", "a.example", "A", pace=pace, port=9, timeout=0.3, of_system=True)
        await trace.finish(patience=0.0)
    assert recorder.sent_to == ["127.0.0.1"] and failed.value.failure != NOT_CONTACTED


def test_one_module_makes_the_sockets_of_measurements() -> None:
    found = {str(path.relative_to(PROBE)) for path in PROBE.rglob("*.py") if _makes_sockets(path)}
    measuring = {path for path in found if not path.startswith(("lab/", "analysis/"))}
    assert measuring == set(ELSEWHERE)


def _makes_sockets(path: Path) -> bool:
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    attributes = [call for call in calls if isinstance(call, ast.Attribute)]
    return any(call.attr in METHODS or ast.unparse(call) in MAKERS for call in attributes)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_segments_are_limited_before_the_connect(family: socket.AddressFamily) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        assert limit_segments(sock, 1200) is True
        assert limit_segments(sock, 10**9) is False  # the kernel refuses the size


def test_system_without_the_option_limits_no_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "TCP_MAXSEG")
    with socket.socket() as sock:
        assert limit_segments(sock, 1200) is False
