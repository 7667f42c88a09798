"""State which follow-ups are tried after a connection fell silent in the middle of an answer."""

from probe.connectivity.policy.claims import (
    first_host_claim,
    home_claim,
    name_at_neutral_claim,
    other_host_claim,
    quic_host_claim,
)
from probe.connectivity.policy.followup_conditions import (
    FELL_SILENT,
    NEUTRAL_KNOWN,
    NO_NEUTRAL_TRANSFER,
    NOT_QUIC,
    PINGS_PASSED,
    QUIC,
    READABLE_NAME,
    SILENT_AT_TIMES,
    SMALL_PASSED,
    TRANSFERS_COMPARED,
)
from probe.connectivity.policy.policy_rows import Group, PolicyRow

_AGAIN = (FELL_SILENT, TRANSFERS_COMPARED)

SILENT_TRANSFERS = (
    Group(
        "silent transfers",
        (
            (
                PolicyRow("small_segments", "small_segments_transfer", "endpoint", "target", (FELL_SILENT, NOT_QUIC)),
                PolicyRow("pings_first", "pings_before_transfer", "endpoint", "target", (FELL_SILENT, QUIC)),
                # Some networks do not stop every connection.
                PolicyRow("small_again", "small_segments_transfer", "endpoint", "target", (FELL_SILENT, SMALL_PASSED)),
                PolicyRow("pings_again", "pings_before_transfer", "endpoint", "target", (FELL_SILENT, PINGS_PASSED)),
                # Only what falls silent again now counts: otherwise an outage has ended in between.
                PolicyRow("transfer_again", "same_transfer_again", "endpoint", "target", _AGAIN),
                PolicyRow(
                    "transfer_once_more", "same_transfer_again", "endpoint", "target", (*_AGAIN, SILENT_AT_TIMES)
                ),
            ),
            (PolicyRow("other_sni", "innocuous_name_transfer", "endpoint", "innocuous", (FELL_SILENT, READABLE_NAME)),),
            (
                PolicyRow(
                    "quic_neutral",
                    "neutral_name_neutral_host",
                    "quic neutral",
                    "neutral",
                    (FELL_SILENT, QUIC),
                    name_at_neutral_claim,
                ),
                PolicyRow(
                    "neutral_quic_transfer",
                    "neutral_host_transfer",
                    "last neutral",
                    "neutral",
                    (FELL_SILENT, QUIC, NEUTRAL_KNOWN),
                    quic_host_claim,
                ),
            ),
            (
                PolicyRow(
                    "neutral_transfer",
                    "neutral_host_transfer",
                    "last neutral",
                    "neutral",
                    (FELL_SILENT, NOT_QUIC),
                    other_host_claim,
                ),
                # Some networks stop the connections of most foreign servers.
                PolicyRow(
                    "first_neutral_transfer",
                    "neutral_host_transfer",
                    "neutral",
                    "neutral",
                    (FELL_SILENT, NOT_QUIC, NO_NEUTRAL_TRANSFER),
                    first_host_claim,
                ),
                PolicyRow(
                    "home_transfer",
                    "neutral_host_transfer",
                    "home",
                    "neutral",
                    (FELL_SILENT, NOT_QUIC, NO_NEUTRAL_TRANSFER),
                    home_claim,
                ),
            ),
        ),
    ),
)
"""Groups after a connection has fallen silent in the middle of an answer, whether a status line had come or not."""
