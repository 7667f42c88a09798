"""Define the answers of STUN that name an address which this computer does not have on the Internet.

A gateway that writes private or other addresses into the answers leads calls astray. Inside TLS no gateway can, so a
different address there is that of another way out of the network. A server behind a proxy may give every client a
private address, the test helper too.
"""

from dataclasses import dataclass

from probe.analysis.phenomena.phenomenon import Phenomenon, RowPart
from probe.analysis.rules.rule import Rule, State
from probe.analysis.sql.column import column
from probe.analysis.sql.link_counts import CONTROL, TARGET, count
from probe.messages import mark


@dataclass
class MappedAddressColumns:
    """Count the answers of STUN that name an address of another network."""

    stun_mapped_elsewhere: int = column(
        0,
        "Answers of STUN with a private address for this computer, or one of another network than a helper saw.",
        count(TARGET, "payload_tested", "stun_mapped_elsewhere"),
    )
    control_mapped_elsewhere: int = column(
        0, "The control's answers of STUN with a private address.", count(CONTROL, "stun_mapped_elsewhere")
    )


STUN_ADDRESS_REWRITTEN = Rule(
    "stun_address_rewritten",
    "payload_successes > 0 AND stun_mapped_elsewhere >= payload_successes AND control_mapped_elsewhere = 0"
    " AND NOT payload_sealed",
    State.OK,
    mechanism="stun.rewrite",
    because=(
        "The server answers the STUN request. The answer has a private address for this computer, or one of another "
        "network than the address that the test helper saw."
    ),
    plain=mark(
        "{service} answers, but the answer names an address that this computer does not seem to have. A device in this "
        "network or at the provider changes such answers, or connections leave over several networks. Calls between "
        "two people may fail."
    ),
)
"""The service works, so this is an anomaly."""

MAPPED_ADDRESSES = Phenomenon(
    "mapped_addresses",
    "Answers of STUN name an address of another network.",
    address=RowPart(MappedAddressColumns),
)
