"""Declare the columns of an address row about connections side by side, and about those that follow each other."""

from dataclasses import dataclass

from probe.analysis.features.column import column
from probe.analysis.features.link_counts import or_zero


@dataclass
class ParallelColumns:
    """Count handshakes beside three or more other connections to the network, or up to 70 s after them, and alone."""

    crowded_failures: int = column(
        0,
        "TLS handshakes beside three or more other connections to the network that got no answer, and those of"
        " `limit_failures`.",
        or_zero("l.crowded"),
    )
    limit_failures: int = column(
        0,
        "TLS handshakes beside three or more connections of the run to any network, without an answer of a server that"
        " acknowledged the hello.",
        or_zero("l.at_limit"),
    )
    crowded_silent: int = column(
        0,
        "Those of them whose hello was not acknowledged, with three or more to other addresses.",
        or_zero("l.silent"),
    )
    crowded_forged_resets: int = column(
        0,
        "Those of them that another sender than the peer reset, with three or more to other addresses.",
        or_zero("l.forged_resets"),
    )
    alone_successes: int = column(
        0,
        "TLS handshakes beside at most two other connections to the network, after those, with a certificate that is"
        " valid for the name.",
        or_zero("l.alone_passed"),
    )
    alone_failures: int = column(
        0,
        "TLS handshakes beside at most two other connections to the network, after those, that failed."
        " Those of `limit_failures` are left out.",
        or_zero("l.alone_failed"),
    )
    crowd_answers: int = column(
        0, "Hellos of the run to the network beside three or more others that were answered.", or_zero("l.answers")
    )
    crowd_answers_later: int = column(
        0,
        "Answered hellos to the network that were sent after an unanswered one to this address.",
        or_zero("l.answered_later"),
    )
    control_crowd: int = column(
        0,
        "TLS handshakes of the control to the network beside three or more others that succeeded.",
        or_zero("l.at_control"),
    )
    hurried_failures: int = column(
        0,
        "Attempts, all cut off soon after another connection was answered. None was answered that followed as soon.",
        or_zero("q.hurried"),
    )
