"""Declare the columns of an address row about HTTP answers that stop in the middle."""

from dataclasses import dataclass

from probe.analysis.features.column import column
from probe.analysis.features.link_counts import TARGET, count, or_zero


@dataclass
class TransferColumns:
    """Count answers that began and then fell silent, and the transfers that they are compared with."""

    transfers_silent: int = column(
        0, "Attempts whose answer began and then fell silent.", count(TARGET, "http_tested", "fell_silent")
    )
    transfers_dead: int = column(
        0,
        "Those of them whose peer then acknowledged no further bytes, so that the path passed nothing.",
        count(TARGET, "http_tested", "fell_silent", "stream_acked = 0"),
    )
    transfers_acknowledged: int = column(
        0,
        "Those of them whose peer then acknowledged further bytes, as a stopped server does.",
        count(TARGET, "http_tested", "fell_silent", "stream_acked = 1"),
    )
    transfers_whole: int = column(
        0, "Attempts whose answer was complete.", count(TARGET, "http_tested", "http_whole", "NOT fell_silent")
    )
    transfers_alike: int = column(
        0, "Silent answers, later ones included, that all stopped after the same bytes or packets.", or_zero("i.alike")
    )
    transfers_again_whole: int = column(
        0, "Later answers to the same request that were complete.", or_zero("i.again_whole")
    )
    small_stops_at_bytes: int = column(
        0,
        "Transfers in small packets that stopped after the same bytes and more packets.",
        or_zero("i.small_same_bytes"),
    )
    small_stops_at_packets: int = column(
        0,
        "Transfers in small packets that stopped after the same packets and fewer bytes.",
        or_zero("i.small_same_packets"),
    )
    other_name_transferred: int = column(
        0, "Complete answers under an innocuous name past that place, between two silent ones.", or_zero("i.other_name")
    )
    other_name_stopped: int = column(
        0, "Answers under an innocuous name that stopped too.", or_zero("i.other_name_stopped")
    )
    answers_arriving: int = column(
        0,
        "Attempts that reached a time limit while bytes of the handshake or the answer still arrived.",
        count(TARGET, "still_arriving"),
    )
    name_answers_arriving: int = column(
        0,
        "The same of attempts with the target's name at verified addresses of the endpoint.",
        count("role = 'named'", "still_arriving"),
    )
    elsewhere_past_bytes: int = column(
        0,
        "Complete answers from other addresses past the same bytes, after the first silence.",
        or_zero("i.elsewhere_bytes"),
    )
    elsewhere_past_packets: int = column(
        0,
        "Complete answers from other addresses past the same packets, after the first silence.",
        or_zero("i.elsewhere_packets"),
    )
    control_transferred: int = column(
        0, "Complete answers to the control past that place, without a long pause.", or_zero("i.control")
    )
    control_stopped: int = column(0, "Incomplete answers to the control.", or_zero("i.control_stopped"))
