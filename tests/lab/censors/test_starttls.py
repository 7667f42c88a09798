"""Test what client and server receive of a mail flow that StartTLSStrip changes, with sequence numbers."""

import pytest

from probe.lab.censors import CLASSES
from probe.lab.censors.kit.middlebox import Deployment
from probe.lab.censors.starttls_censors import StartTLSStrip
from probe.lab.net.layout import Direction
from probe.lab.net.packets import ACK, PSH, SYN, Packet, tcp_packet
from probe.wire.mail.imap import read_answer
from probe.wire.mail.smtp import read_reply
from tests.support.lab.hellos import CLIENT, CLIENT_V6, SERVER, SERVER_V6
from tests.support.lab.wire_checks import is_correct

OUT, IN = Direction.OUT, Direction.IN
SMTP = b"250-mx.example at your service\r\n250-SIZE 1\r\n250-STARTTLS\r\n250 8BITMIME\r\n"
IMAP = b"* CAPABILITY IMAP4rev1 STARTTLS IDLE\r\na1 OK done\r\n"
OPTIONS = bytes.fromhex("0101080a0000000100000002")


def deployed(**keys: object) -> StartTLSStrip:
    censor = StartTLSStrip.model_validate(keys)
    censor.deploy(Deployment(hop=4, zone={"smtp.example": [SERVER], "other.example": ["9.9.9.9"]}))
    return censor


def from_server(payload: bytes, seq: int = 5000, *, port: int = 587, six: bool = False, ack: int = 1000) -> Packet:
    ends = (SERVER_V6, CLIENT_V6) if six else (SERVER, CLIENT)
    return Packet(
        tcp_packet(
            *ends, port, 40000, flags=PSH | ACK, seq=seq, ack=ack, payload=payload, options=OPTIONS, ttl=60, ip_id=7
        )
    )


def from_client(
    payload: bytes = b"", ack: int = 5000, *, port: int = 587, flags: int = ACK, six: bool = False, seq: int = 1000
) -> Packet:
    ends = (CLIENT_V6, SERVER_V6) if six else (CLIENT, SERVER)
    return Packet(tcp_packet(*ends, 40000, port, flags=flags, seq=seq, ack=ack, payload=payload))


def passed(censor: StartTLSStrip, packet: Packet, direction: Direction) -> Packet:
    actions = censor.see(packet, direction, 0.0)
    if actions is None:
        return packet
    assert actions.forward and actions.replace is not None
    assert is_correct(actions.replace)
    return Packet(actions.replace)


def keywords(packet: Packet) -> tuple[str, ...]:
    reply, rest = read_reply(packet.payload)
    assert reply is not None and rest == b""
    return reply.keywords


@pytest.mark.parametrize("six", [False, True])
def test_mask_keeps_length_numbers_and_header(six: bool) -> None:
    packet = from_server(SMTP, six=six)
    seen = passed(deployed(how="mask"), packet, IN)
    assert keywords(seen) == ("SIZE 1", "XXXXXXXA", "8BITMIME")
    assert len(seen.raw) == len(packet.raw)
    assert (seen.seq, seen.ack, seen.window, seen.ttl) == (5000, 1000, 65535, 60)
    assert seen.raw[seen.offset + 20 : seen.offset + 32] == OPTIONS
    assert six or seen.raw[4:6] == packet.raw[4:6]


def test_remove_deletes_the_line_and_renumbers_later_packets() -> None:
    censor, gone = deployed(how="remove"), len(b"250-STARTTLS\r\n")
    assert passed(censor, from_server(b"220 hi\r\n", 4992), IN).seq == 4992
    packet = from_server(SMTP)
    seen = passed(censor, packet, IN)
    assert keywords(seen) == ("SIZE 1", "8BITMIME")
    assert seen.seq == 5000
    end = 5000 + len(SMTP)
    # The client acknowledges the shorter list, and the server must get the number of the longer one.
    assert passed(censor, from_client(ack=end - gone), OUT).ack == end
    assert passed(censor, from_client(ack=5000), OUT).ack == 5000
    # The next packet starts for the client at the end of the shorter list.
    answer = passed(censor, from_server(b"221 bye\r\n", end), IN)
    assert (answer.seq, answer.payload) == (end - gone, b"221 bye\r\n")
    assert passed(censor, from_client(ack=end - gone + 9), OUT).ack == end + 9


def test_retransmitted_list_is_changed_in_the_same_way() -> None:
    censor = deployed(how="remove")
    first, again = passed(censor, from_server(SMTP), IN), passed(censor, from_server(SMTP), IN)
    assert (first.seq, first.payload) == (again.seq, again.payload)
    gone = len(b"250-STARTTLS\r\n")
    assert passed(censor, from_server(b"x", 5000 + len(SMTP)), IN).seq == 5000 + len(SMTP) - gone


def test_sequence_numbers_wrap() -> None:
    censor, start = deployed(how="remove"), 2**32 - 10
    passed(censor, from_server(SMTP, start), IN)
    end, gone = (start + len(SMTP)) % 2**32, len(b"250-STARTTLS\r\n")
    assert passed(censor, from_server(b"x", end), IN).seq == end - gone
    assert passed(censor, from_client(ack=end - gone), OUT).ack == end
    # The list ends just before the numbers wrap, and the next packet comes after it.
    censor, start = deployed(how="remove"), 2**32 - len(SMTP) - 5
    passed(censor, from_server(SMTP, start), IN)
    assert passed(censor, from_server(b"x", 20), IN).seq == 20 - gone
    assert passed(censor, from_client(ack=20 - gone), OUT).ack == 20


def test_new_flow_with_the_same_ports_is_not_renumbered() -> None:
    censor = deployed(how="remove")
    passed(censor, from_server(SMTP), IN)
    passed(censor, from_client(flags=SYN, ack=0), OUT)
    assert censor.see(from_client(ack=9000), OUT, 0.0) is None
    assert censor.see(from_server(b"x", 9000), IN, 0.0) is None


def test_last_line_of_a_list_is_removed_or_masked() -> None:
    for before in (b"250-mx.example\r\n", b"250-mx.example\r\n250-SIZE 1\r\n"):
        seen = passed(deployed(how="remove"), from_server(before + b"250 STARTTLS\r\n"), IN)
        assert "STARTTLS" not in keywords(seen)
    masked = passed(deployed(how="mask"), from_server(b"250-mx.example\r\n250 STARTTLS\r\n"), IN)
    assert keywords(masked) == ("XXXXXXXA",)


@pytest.mark.parametrize("how", ["remove", "mask"])
def test_imap_lists_are_changed(how: str) -> None:
    for listed in (IMAP, b"* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n", b"* CAPABILITY STARTTLS\r\na1 OK\r\n"):
        seen = passed(deployed(how=how), from_server(listed, port=143), IN)
        assert b"STARTTLS" not in seen.payload
        assert seen.payload == listed.replace(b" STARTTLS", b" XXXXXXXA" if how == "mask" else b"")
    seen = passed(deployed(how=how), from_server(IMAP, port=143), IN)
    answer, _ = read_answer(seen.payload, "a1")
    assert answer is not None
    assert answer.capabilities == ("IMAP4rev1", *(["XXXXXXXA"] if how == "mask" else []), "IDLE")


@pytest.mark.parametrize(
    ("command", "port", "overwritten"),
    [
        (b"STARTTLS\r\n", 587, b"XXXXXXXX\r\n"),
        (b"starttls\r\n", 587, b"XXXXXXXX\r\n"),
        (b"a2 STARTTLS\r\n", 143, b"a2 XXXXXXXX\r\n"),
    ],
)
def test_refuse_overwrites_the_command_and_keeps_the_list(command: bytes, port: int, overwritten: bytes) -> None:
    censor = deployed(how="refuse")
    assert censor.see(from_server(SMTP), IN, 0.0) is None
    seen = passed(censor, from_client(command, port=port), OUT)
    assert (seen.payload, seen.seq) == (overwritten, 1000)
    assert censor.see(from_client(b"EHLO anonymous.invalid\r\n", port=port), OUT, 0.0) is None


@pytest.mark.parametrize(
    ("go_ahead", "port", "other"),
    [
        (b"220 2.0.0 Ready to start TLS\r\n", 587, b"220 mx.example ESMTP ready\r\n"),
        (b"a2 OK Begin TLS negotiation now\r\n", 143, b"a1 OK Capabilities listed\r\n"),
    ],
)
def test_inject_adds_plaintext_after_the_go_ahead_and_renumbers(go_ahead: bytes, port: int, other: bytes) -> None:
    censor = deployed(how="inject")
    assert censor.see(from_server(SMTP if port == 587 else IMAP, port=port), IN, 0.0) is None
    assert censor.see(from_server(other, 5500, port=port), IN, 0.0) is None
    seen = passed(censor, from_server(go_ahead, 6000, port=port), IN)
    assert seen.payload.startswith(go_ahead) and b"injected" in seen.payload[len(go_ahead) :]
    more, end = len(seen.payload) - len(go_ahead), 6000 + len(go_ahead)
    # The server gets an acknowledgement of its own bytes. The client gets TLS after the injected text.
    assert passed(censor, from_client(ack=end + more, port=port), OUT).ack == end
    assert passed(censor, from_server(b"\x16\x03\x03", end, port=port), IN).seq == end + more
    assert passed(censor, from_client(b"STARTTLS\r\n", ack=6000, port=port), OUT).payload == b"STARTTLS\r\n"


def test_command_passes_unless_it_is_overwritten() -> None:
    assert deployed(how="mask").see(from_client(b"STARTTLS\r\n"), OUT, 0.0) is None
    assert (
        passed(deployed(how="mask", spoils_command=True), from_client(b"STARTTLS\r\n"), OUT).payload == b"XXXXXXXX\r\n"
    )


@pytest.mark.parametrize("how", ["remove", "mask", "refuse"])
def test_other_ports_protocols_and_hosts_pass(how: str) -> None:
    tls = bytes.fromhex("160303") + b"\x00\x20" + b"STARTTLS" * 4
    for censor, packet, direction in (
        (deployed(how=how), from_server(SMTP, port=465), IN),
        (deployed(how=how), from_client(b"STARTTLS\r\n", port=465), OUT),
        (deployed(how=how), from_server(tls), IN),
        (deployed(how=how), from_client(tls), OUT),
        (deployed(how=how, protocols=["imap"]), from_server(SMTP), IN),
        (deployed(how=how, protocols=["smtp"]), from_server(IMAP), IN),
        (deployed(how=how, protocols=["imap"]), from_client(b"STARTTLS\r\n"), OUT),
        (deployed(how=how, names=["other.example"]), from_server(SMTP), IN),
    ):
        assert censor.see(packet, direction, 0.0) is None


def test_wrong_keys_are_errors() -> None:
    assert CLASSES["StartTLSStrip"] is StartTLSStrip
    assert deployed(how="mask", names=["smtp.example"]).see(from_server(SMTP), IN, 0.0) is not None
    with pytest.raises(ValueError, match="on_path"):
        deployed(how="mask", on_path=True)
    with pytest.raises(ValueError, match="how"):
        deployed()
