"""Declare the columns of a service row about connections that were kept open, and flows and transfers that stopped."""

from dataclasses import dataclass

from probe.analysis.features.column import column


@dataclass
class CutoffColumns:
    """Count connections to one address of the service that ended at one age, others that lasted, and stopped flows."""

    cutoff_alike: int = column(
        0,
        "Connections under the service's name that ended at one age and after different answers, three or more. 0 if "
        "ages differ or another lasted longer.",
        "COALESCE(k.alike, 0)",
    )
    cutoff_broken: int = column(
        0, "Those of them that a reset ended, or after which the path passed nothing.", "COALESCE(k.broken, 0)"
    )
    cutoff_other_past: int = column(
        0,
        "Connections under an innocuous name to the same address that lasted longer at that time. 0 if one ended.",
        "COALESCE(k.other_past, 0)",
    )
    cutoff_neutral_past: int = column(
        0, "Connections to a neutral host that lasted longer at that time.", "COALESCE(k.neutral_past, 0)"
    )
    cutoff_name_at_neutral: int = column(
        0,
        "Connections under the service's name to such a neutral host that ended at the same age.",
        "COALESCE(k.name_at_neutral, 0)",
    )
    media_frozen: int = column(
        0,
        "Pairs of the service's shape whose media flows both stopped at one time. The helper then answered new ports "
        "and not theirs.",
        "COALESCE(z.pairs, 0)",
    )
    helper_stops_at_bytes: int = column(
        0,
        "Transfers from the helper under the service's name that stopped at the same bytes in segments of two sizes, "
        "unlike those under an innocuous name.",
        "COALESCE(y.received_by_bytes, 0)",
    )
    helper_stops_at_packets: int = column(
        0, "The same at the same packets and different bytes.", "COALESCE(y.received_by_packets, 0)"
    )
    upload_stops_at_bytes: int = column(
        0, "The same of uploads to the test helper, at the same bytes.", "COALESCE(y.sent_by_bytes, 0)"
    )
    upload_stops_at_packets: int = column(
        0, "The same of uploads, at the same packets and different bytes.", "COALESCE(y.sent_by_packets, 0)"
    )
