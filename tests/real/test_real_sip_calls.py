"""Test whole calls on loopback: our caller and our helper against sipp, and both through Kamailio with rtpengine."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from probe.formats.exchanges.media import SIPCall
from probe.helper.calls.sip_ports import SIPPorts
from probe.helper.calls.sip_user_agent import CallState
from probe.steps.calls.sip_call import sip_call
from tests.support.servers.loopback import a_transaction

IP = "127.0.0.1"
SIPP = ["/usr/bin/sipp", "-nostdin", "-i", IP, "-m", "1", "-timeout", "20", "-timeout_error"]
RTPENGINE = ["/usr/bin/rtpengine", "--table=-1", "--foreground", f"--interface={IP}", "--log-stderr", "--log-level=6"]
PACKETS = 25

KAMAILIO = """#!KAMAILIO
debug=1
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
dns=no
rev_dns=no
listen=udp:{ip}:{port}
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "maxfwd.so"
loadmodule "rtpengine.so"
modparam("rtpengine", "rtpengine_sock", "udp:{ip}:{control}")

request_route {{
  if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
  if (has_totag()) {{
    loose_route();
    if (is_method("BYE")) {{ rtpengine_delete(); }}
    t_relay();
    exit;
  }}
  if (is_method("INVITE")) {{
    record_route();
    rtpengine_offer("replace-origin");
    t_on_reply("ANSWERED");
  }}
  $ru = "sip:" + $rU + "@{ip}:{helper}";
  t_relay();
}}

onreply_route[ANSWERED] {{
  if (status =~ "200") {{ rtpengine_answer("replace-origin"); }}
}}
"""


def free_ports(number: int) -> list[int]:
    """Return even UDP ports that are free, with the port two above."""
    found: list[int] = []
    while len(found) < number:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((IP, 0))
            port = sock.getsockname()[1] & 0xFFFE
        if 1024 < port < 60000 and all(abs(port - other) > 4 for other in found):
            found.append(port)
    return found


@asynccontextmanager
async def running(command: list[str], folder: Path, ready: str = "") -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program, wait until its output has the text `ready`, and end it."""
    log = folder / f"{Path(command[0]).name}.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=out, stderr=out)
    try:
        for _ in range(200):
            if not ready or ready in log.read_text(errors="replace"):
                break
            assert process.returncode is None, log.read_text(errors="replace")[-2000:]
            await asyncio.sleep(0.05)
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def a_helper(port: int) -> AsyncIterator[SIPPorts]:
    ports = SIPPorts(port)
    await ports.open(IP)
    try:
        yield ports
    finally:
        ports.close()


async def called(port: int, callee: str) -> SIPCall:
    async with a_transaction() as bench:
        await sip_call(bench.tx, IP, port, callee, pace=bench.pace, seconds=PACKETS * 0.02)
    (entry,) = bench.tx.entries
    assert isinstance(entry, SIPCall) and not bench.trace.bugs
    return entry


async def test_our_caller_calls_sipp(tmp_path: Path) -> None:
    port, media = free_ports(2)
    server = [*SIPP, "-sn", "uas", "-p", str(port), "-mp", str(media), "-rtp_echo"]
    async with running(server, tmp_path) as sipp:
        for _ in range(100):  # sipp does not say when it listens
            entry = await called(port, "service")
            if entry.failure != "connection_refused":
                break
            await asyncio.sleep(0.05)
        assert await asyncio.wait_for(sipp.wait(), 10) == 0, "sipp ends with 0 after a call that followed its scenario"
    assert (entry.failure, entry.code, entry.provisional, entry.encoding) == (None, 200, [180], "pcmu")
    assert (entry.sent, entry.returned, entry.bye_code, entry.elsewhere) == (PACKETS, PACKETS, 200, False)


async def test_sipp_calls_our_helper(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    async with a_helper(port) as ports:
        client = [*SIPP, "-sn", "uac", "-d", "300", "-s", ports.offer()["token"], f"{IP}:{port}"]
        async with running(client, tmp_path) as sipp:
            assert await asyncio.wait_for(sipp.wait(), 30) == 0, (
                "sipp ends with 0 after a call that followed its scenario"
            )
        (call,) = ports.agent.calls
    assert call.state is CallState.ENDED and call.payload_type == 0


async def test_call_passes_kamailio_and_rtpengine(tmp_path: Path) -> None:
    """Call our helper through a proxy that records the route, and through a relay for the voice packets."""
    port, helper, control, relay = free_ports(4)
    configuration = tmp_path / "kamailio.cfg"
    configuration.write_text(KAMAILIO.format(ip=IP, port=port, helper=helper, control=control))
    proxy = ["/usr/sbin/kamailio", "-DD", "-E", "-f", str(configuration), "-Y", str(tmp_path), "-m", "32", "-M", "4"]
    media = [*RTPENGINE, f"--listen-ng={IP}:{control}", f"--port-min={relay}", f"--port-max={relay + 40}"]
    async with (
        a_helper(helper) as ports,
        running([*media, f"--pidfile={tmp_path / 'pid'}"], tmp_path, "Startup complete"),
        running(proxy, tmp_path),
    ):
        for _ in range(100):
            entry = await called(port, ports.offer()["token"])
            if entry.failure != "connection_refused":
                break
            await asyncio.sleep(0.05)
        log = (tmp_path / "rtpengine.log").read_text()
    assert (entry.failure, entry.code, entry.encoding, entry.elsewhere) == (None, 200, "opus", False), log[-2000:]
    assert 100 in entry.provisional, "Kamailio answers at once that it tries"
    assert (entry.sent, entry.bye_code) == (PACKETS, 200)
    assert PACKETS - 1 <= entry.returned <= PACKETS, "rtpengine may send the first one to the address in our SDP"
    assert re.search(r"Creating new call", log), "the packets passed rtpengine"
