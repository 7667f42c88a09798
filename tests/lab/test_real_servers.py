"""Test that a real server replaces a host of the target files, at its ports and with its certificate."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from probe.lab.real_servers import RealServer, RealServerError, Setup, serve_with_real_servers, sockets_of
from probe.lab.run import LabBroken, run_command
from probe.lab.scenario.scenario import Scenario
from probe.lab.scenario.scenario_keys import HelperKeys
from probe.lab.world.emulated_world import World
from probe.lab.world.hosts import Host

pytestmark = pytest.mark.lab
ALONE = Scenario("real-servers", "A test", helper=HelperKeys(up=False))

PROGRAM = """
import asyncio, ssl, sys
certificate, key, *addresses = sys.argv[1:]
async def answer(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    writer.write(b"HTTP/1.1 200 OK\\r\\nServer: real\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n")
    await writer.drain()
    writer.close()
async def main():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    for address in addresses:
        await asyncio.start_server(answer, address, 443, ssl=context)
        await asyncio.start_server(answer, address, 80)
    await asyncio.Event().wait()
asyncio.run(main())
"""

ASK = """
import json, os, ssl, sys, urllib.request
trust = ssl.create_default_context(cafile=os.environ["PROBE_PUBLIC_ROOTS"])
asked = ["https://web.telegram.org/", "http://web.telegram.org/", "https://web.whatsapp.com/"]
found = [urllib.request.urlopen(url, timeout=5, context=trust).headers.get("Server") for url in asked]
json.dump(found, open(sys.argv[1], "w"))
"""


def command_of(setup: Setup) -> Sequence[str]:
    return [sys.executable, "-c", PROGRAM, str(setup.certificate), str(setup.key), *setup.addresses]


def test_real_server_has_ports_and_certificate_and_other_hosts_stay(folder: Path, tmp_path: Path) -> None:
    answer = tmp_path / "answer.json"
    command = [sys.executable, "-c", ASK, str(answer)]
    servers = [RealServer("web.telegram.org", command_of)]
    assert run_command(ALONE, folder, command, consent="", real_servers=servers) == 0
    own = json.loads(answer.read_text())
    assert own[:2] == ["real", "real"]
    assert own[2] != "real"


def test_ended_server_is_named_with_its_output(folder: Path) -> None:
    ending = RealServer(
        "web.telegram.org", lambda setup: [sys.executable, "-c", "print('no such option'); raise SystemExit(7)"]
    )
    with pytest.raises(LabBroken, match=r"(?s)no such option.*The real server web.telegram.org ended .* code 7"):
        run_command(ALONE, folder, ["true"], consent="", real_servers=[ending])


def test_server_that_ends_during_the_run_ends_the_lab(folder: Path) -> None:
    short = PROGRAM.replace("asyncio.Event().wait()", "asyncio.sleep(0.5)")
    ending = RealServer("web.telegram.org", lambda setup: [command_of(setup)[0], "-c", short, *command_of(setup)[3:]])
    with pytest.raises(LabBroken, match=r"The real server web.telegram.org ended during the run, with code 0"):
        run_command(ALONE, folder, ["sleep", "20"], consent="", real_servers=[ending])


def test_server_that_does_not_listen_is_an_error_after_a_timeout(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.lab.real_servers.PATIENCE", 1.0)
    with pytest.raises(LabBroken, match=r"After 1 s no real server listens at tcp [0-9.]+ port 80, tcp [0-9.]+ port"):
        run_command(
            ALONE,
            folder,
            ["true"],
            consent="",
            real_servers=[RealServer("web.telegram.org", lambda setup: ["sleep", "9"])],
        )


def test_server_without_a_host_is_refused_before_the_start(folder: Path, world: World) -> None:
    with pytest.raises(RealServerError, match=r"nobody.example: the target files name no such host"):
        run_command(ALONE, folder, ["true"], consent="", real_servers=[RealServer("nobody.example", command_of)])
    with pytest.raises(RealServerError, match=r"nobody.example"):
        serve_with_real_servers(world, [RealServer("nobody.example", command_of)], lambda: None)


def test_sockets_of_a_host_follow_from_its_dialects() -> None:
    ports = {443: {"https", "quic"}, 5060: {"sip/udp", "sip/tcp"}, 5061: {"sip/tls"}, 53: {"dns+udp", "dns+tcp"}}
    found = set(sockets_of(Host(names=["a.example"], addresses=["192.0.2.1"], ports=ports)))
    both = {(kind, "192.0.2.1", port) for kind in ("tcp", "udp") for port in (443, 5060, 53)}
    assert found == both | {("tcp", "192.0.2.1", 5061)}
