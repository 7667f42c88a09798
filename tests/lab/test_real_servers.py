"""A program that somebody else wrote stands for a host of the target files: at its ports, under its certificate."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from probe.lab.real_servers import Guest, GuestError, Room, serve_with_guests, sockets_of
from probe.lab.run import LabBroken, run_command
from probe.lab.scenario.scenario import HelperKeys, Scenario
from probe.lab.world.hosts import Host
from probe.lab.world.world import World

pytestmark = pytest.mark.lab
ALONE = Scenario("guests", "A test", helper=HelperKeys(up=False))

GUEST = """
import asyncio, ssl, sys
certificate, key, *addresses = sys.argv[1:]
async def answer(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    writer.write(b"HTTP/1.1 200 OK\\r\\nServer: the guest\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n")
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


def guest(room: Room) -> Sequence[str]:
    return [sys.executable, "-c", GUEST, str(room.certificate), str(room.key), *room.addresses]


def test_a_guest_has_its_hosts_ports_and_a_certificate_and_the_others_stay(folder: Path, tmp_path: Path) -> None:
    answer = tmp_path / "answer.json"
    command = [sys.executable, "-c", ASK, str(answer)]
    guests = [Guest("web.telegram.org", guest)]
    assert run_command(ALONE, folder, command, consent="", guests=guests) == 0
    own = json.loads(answer.read_text())
    assert own[:2] == ["the guest", "the guest"]
    assert own[2] != "the guest"


def test_a_guest_that_ends_is_named_with_what_it_said(folder: Path) -> None:
    dies = Guest(
        "web.telegram.org", lambda room: [sys.executable, "-c", "print('no such option'); raise SystemExit(7)"]
    )
    with pytest.raises(LabBroken, match=r"(?s)no such option.*the guest web.telegram.org ended .* with 7"):
        run_command(ALONE, folder, ["true"], consent="", guests=[dies])


def test_a_guest_that_ends_later_ends_the_lab(folder: Path) -> None:
    short = GUEST.replace("asyncio.Event().wait()", "asyncio.sleep(0.5)")
    dies = Guest("web.telegram.org", lambda room: [guest(room)[0], "-c", short, *guest(room)[3:]])
    with pytest.raises(LabBroken, match=r"the guest web.telegram.org ended before its time, with 0"):
        run_command(ALONE, folder, ["sleep", "20"], consent="", guests=[dies])


def test_a_guest_that_does_not_listen_is_not_waited_for_for_ever(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.lab.real_servers.PATIENCE", 1.0)
    with pytest.raises(LabBroken, match=r"after 1 s no guest listens at tcp [0-9.]+ port 80, tcp [0-9.]+ port"):
        run_command(
            ALONE, folder, ["true"], consent="", guests=[Guest("web.telegram.org", lambda room: ["sleep", "9"])]
        )


def test_a_guest_without_a_host_is_refused_before_anything_starts(folder: Path, world: World) -> None:
    with pytest.raises(GuestError, match=r"nobody.example: the target files name no such host"):
        run_command(ALONE, folder, ["true"], consent="", guests=[Guest("nobody.example", guest)])
    with pytest.raises(GuestError, match=r"nobody.example"):
        serve_with_guests(world, [Guest("nobody.example", guest)], lambda: None)


def test_what_a_guest_has_to_open_follows_from_the_dialects() -> None:
    ports = {443: {"https", "quic"}, 5060: {"sip/udp", "sip/tcp"}, 5061: {"sip/tls"}, 53: {"dns+udp", "dns+tcp"}}
    found = set(sockets_of(Host(names=["a.example"], addresses=["192.0.2.1"], ports=ports)))
    both = {(kind, "192.0.2.1", port) for kind in ("tcp", "udp") for port in (443, 5060, 53)}
    assert found == both | {("tcp", "192.0.2.1", 5061)}
