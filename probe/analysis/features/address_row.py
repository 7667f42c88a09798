"""Define the feature row of one endpoint at one address.

An expression with an aggregate reads the table `linked`. The others read the tables of the statement `address_row`.
docs/reference/features.md shows these tables and their short names.
"""

from dataclasses import dataclass

from probe.analysis.features.address_layers import LayerColumns
from probe.analysis.features.address_names import NameColumns
from probe.analysis.features.address_parallel import ParallelColumns
from probe.analysis.features.address_payloads import PayloadColumns
from probe.analysis.features.address_transfers import TransferColumns
from probe.analysis.features.column import column
from probe.analysis.features.link_counts import SUCCEEDED, TARGET, count
from probe.formats.failures import NO_QUIC

ADDRESS_PROVEN = (
    "(s.is_literal OR COALESCE(v.verified, FALSE)"
    " OR (c.successes > 0 AND s.payload_names_no_server AND x.asn IS NOT NULL))"
    " AND (s.is_literal OR NOT COALESCE(v.from_control_alone, FALSE)"
    " OR c.neutral_resets + c.neutral_timeouts + c.neutral_closes > 0)"
)
"""Verified, or it answered a protocol without a certificate from the network of a verified address.

An address that only the control named counts only if the name fails at neutral hosts too.
"""

RESETS_MAY_BE_CHANCE = (
    "w.resets_needed > 0"
    " AND NOT (c.name_flows_passed = 0 AND c.name_flows_reset >= w.resets_needed)"
    " AND NOT (c.address_flows_passed = 0 AND c.address_flows_reset >= w.resets_needed)"
)
"""Neither the name nor the address was reset each time and often enough."""


@dataclass
class GeneralColumns:
    """Hold what is known about the endpoint, the address and the network."""

    family_works: bool = column(
        False,
        "The address's family (IPv4 or IPv6) works here.",
        "y.m IS NOT NULL AND NOT (s.address_family = 6 AND c.no_route > 0)",
    )
    interrupted: bool = column(False, "The run was interrupted.", "w.interrupted")
    address_proven: bool = column(False, "The address is verified.", ADDRESS_PROVEN)
    clear_text: bool = column(False, "The endpoint is `http://`.", "s.is_http")
    by_name: bool = column(False, "The endpoint's host is a name and not an address.", "NOT s.is_literal")
    line_lossy: bool = column(False, "Packets to neutral hosts were lost too.", "w.lossy OR t.lossy")
    resets_needed: int = column(
        0,
        "Resets in a row that chance does not explain. 0 if the network resets nothing at random.",
        "w.resets_needed",
    )
    resets_may_be_chance: bool = column(
        False,
        "The network resets innocuous connections at random, and too few flows in a row were reset here.",
        RESETS_MAY_BE_CHANCE,
    )
    slow_silence: bool = column(
        False,
        "The access line is slow, and each attempt that failed got no answer in time.",
        "w.slow AND c.silent > 0 AND c.failed_otherwise = 0",
    )
    in_outage: bool = column(
        False,
        "No flow to the address got an answer since a check that did not reach a neutral host over its family.",
        "t.in_outage",
    )
    network_unchecked: bool = column(
        False, "Attempts failed, and no check of the network is near in time to them.", "t.unchecked"
    )
    network_lost: bool = column(
        False, "No neutral host of the address's family answered a check near in time to a failed attempt.", "t.lost"
    )
    answer_unchecked: bool = column(
        False,
        "Any device can give the answer, and no check for a sign-in page is near in time to the attempts.",
        "t.answer_unchecked",
    )
    attempts: int = column(0, "Attempts with the target's own name or payload.", count(TARGET))
    successes: int = column(0, "Attempts that passed every layer that the endpoint needs.", count(TARGET, SUCCEEDED))
    unfinished: int = column(
        0, "Attempts without failure that did not try the topmost layer.", count(TARGET, "unfinished")
    )
    local_faults: int = column(0, "Attempts that failed because of this computer.", count(TARGET, "local_fault"))
    quic_missing: int = column(
        0, "Attempts that were not made because QUIC is not installed.", count(TARGET, f"failure = '{NO_QUIC}'")
    )


@dataclass
class AddressRow(ParallelColumns, TransferColumns, NameColumns, PayloadColumns, LayerColumns, GeneralColumns):
    """Count the attempts at one endpoint and address, the differentials and the control.

    The counts of a layer leave out attempts that failed because of this computer.
    """
