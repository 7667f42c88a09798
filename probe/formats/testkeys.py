"""The test keys: OONI's lists and summary keys, and beside them ours (`x_…`). One class per nettest, in TEST_KEYS."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from probe.formats.calls import SIPExchange, STUNExchange, UDPEcho
from probe.formats.entries import (
    DNSQuery,
    HTTPTransaction,
    MTProtoExchange,
    NoiseHandshake,
    Part,
    QUICHandshake,
    TCPConnect,
    TLSHandshake,
)
from probe.formats.facts import Control, RunFacts, TargetFacts
from probe.formats.mail import MailGreeting, MailStartTLS
from probe.formats.meaning import Foreign, Machine, Ordinal, Public
from probe.formats.packets import PacketRecord
from probe.formats.transactions import TransactionRecord

MailDialogue = Annotated[MailGreeting | MailStartTLS, Field(discriminator="operation")]
Status = Literal["ok", "blocked"]


class Lists(Part):
    """Entries by kind, in the order of time; requests newest first, as OONI has them."""

    queries: list[DNSQuery] = Field(default_factory=list)  # DNS questions
    tcp_connect: list[TCPConnect] = Field(default_factory=list)  # TCP connects
    tls_handshakes: list[TLSHandshake] = Field(default_factory=list)  # TLS over TCP
    quic_handshakes: list[QUICHandshake] = Field(default_factory=list)  # QUIC
    requests: list[HTTPTransaction] = Field(default_factory=list)  # HTTP round trips, over TCP and QUIC
    mtproto: list[MTProtoExchange] = Field(default_factory=list)  # Telegram's data centres
    noise: list[NoiseHandshake] = Field(default_factory=list)  # WhatsApp's chat servers
    stun: list[STUNExchange] = Field(default_factory=list)  # STUN and TURN
    sip: list[SIPExchange] = Field(default_factory=list)  # SIP
    echoes: list[UDPEcho] = Field(default_factory=list)  # datagrams to the helper's echo
    mail: list[MailDialogue] = Field(default_factory=list)  # SMTP and IMAP


LISTS: tuple[str, ...] = tuple(Lists.model_fields)
"""The names of the lists that hold entries, wherever they stand (test keys, x_endpoints, x_followups, x_control)."""


class TestKeys(Part):
    """What every nettest writes. An entry stands in one list only."""

    __test__: ClassVar[bool] = False  # pytest would take the class for tests

    agent: Public[Literal["redirect"]] = "redirect"  # OONI's word for a client that follows redirects
    failed_operation: None = None  # OONI's, of the measurement as a whole: a step's failure stands in its entry
    failure: None = None  # likewise
    socksproxy: Public[None] = None  # none is ever used
    network_events: list[None] = Field(default_factory=list)  # always empty: one that misfits costs OONI the line
    queries: list[DNSQuery]  # the first pass; in a nettest of OONI's just what its probe would have written
    tcp_connect: list[TCPConnect]  # the first pass, likewise
    tls_handshakes: list[TLSHandshake]  # the first pass, likewise
    requests: list[HTTPTransaction]  # the first pass, likewise
    x_endpoints: Lists  # the rest of the first pass, and confirmations
    x_followups: Lists  # the differentials that failures caused
    x_transactions: list[TransactionRecord]  # why each chain of steps was tried, and what came of it
    x_control: Foreign[Control | None]  # what the helper saw; null: none was asked
    x_packets: list[PacketRecord] | None  # the raw packets of these flows; null: this system let us see none
    x_target: Public[TargetFacts]  # the target, as loaded
    x_run: Machine[RunFacts]  # the run
    x_bugs: Machine[list[str]]  # faults of ours, which say nothing about the network
    x_revision: Public[Ordinal]  # of what we measure beside OONI's steps


class TelegramKeys(TestKeys):
    """OONI's summary of Telegram (ts-020)."""

    telegram_http_blocking: bool  # no data centre answered HTTP
    telegram_tcp_blocking: bool  # nor did any accept a connection
    telegram_web_failure: str | None  # of the web client; null for success
    telegram_web_status: Status  # whether the web client answered


class WhatsAppKeys(TestKeys):
    """OONI's summary of WhatsApp (ts-018)."""

    registration_server_failure: str | None  # of the registration server; null for success
    registration_server_status: Status  # whether it answered
    whatsapp_endpoints_blocked: list[str]  # chat hosts of which both ports failed
    whatsapp_endpoints_dns_inconsistent: list[str]  # always empty, as OONI's is today
    whatsapp_endpoints_status: Status  # whether any chat server answered
    whatsapp_web_failure: str | None  # of the web client; null for success
    whatsapp_web_status: Status  # whether it answered


TEST_KEYS: dict[str, type[TestKeys]] = {
    "endpoint_reachability": TestKeys,
    "mail_reachability": TestKeys,
    "sip_reachability": TestKeys,
    "telegram": TelegramKeys,
    "whatsapp": WhatsAppKeys,
}
"""By `test_name`, one row for every nettest."""
