"""Define the rules about the packets of a call, which a pair of flows to the test helper compares with random ones.

They hold for a service that works otherwise, and for one of whose servers nothing is known, as where call relays answer
no stranger. More than half of the pairs must agree. An app verdict is "certain" if three pairs agree and no pair
contradicts, else "likely".
"""

from probe.analysis.rules.rule import Rule, State
from probe.analysis.rules.service_conditions import WORKS_OTHERWISE
from probe.messages import mark

_WORKS = (
    f"({WORKS_OTHERWISE} OR (any_suffices AND insufficient > 0"
    " AND blocked + likely_blocked + impaired + down + untested + ok + degraded = 0))"
)

MEDIA_RULES = (
    Rule(
        "service_media_silent",
        f"{_WORKS} AND 2 * media_silent > media_pairs",
        State.DEGRADED,
        mechanism="media.silence",
        because=(
            "No packet of the shape of the app's calls comes back from the test helper. Random packets of equal size, "
            "sent at the same time, come back."
        ),
        plain=mark(
            "Packets that look like those of a call over {app} disappear between this network and our test helper. "
            "Other packets of the same size pass. Calls probably fail here."
        ),
    ),
    Rule(
        "service_media_cut",
        f"{_WORKS} AND 2 * media_cut > media_pairs",
        State.DEGRADED,
        mechanism="media.cutoff",
        because=(
            "Packets of the shape of the app's calls stop coming back for good during the flow. Random packets of "
            "equal size, sent at the same time, do not stop."
        ),
        plain=mark(
            "Packets that look like those of a call over {app} stop after {seconds} seconds on the way to our test "
            "helper. Other packets of the same size pass. Calls probably break off here."
        ),
    ),
    Rule(
        "service_media_throttled",
        f"{_WORKS} AND 2 * media_throttled > media_pairs",
        State.DEGRADED,
        mechanism="media.throttle",
        because=(
            "Packets of the shape of the app's calls pass at a constant rate below the one sent. Random packets of "
            "equal size, sent at the same time, are not limited."
        ),
        plain=mark(
            "Packets that look like those of a call over {app} are slowed down to {rate} kbit/s. Other packets of the "
            "same size are not. Calls probably sound bad here."
        ),
    ),
    Rule(
        "service_media_lost",
        f"{_WORKS} AND 2 * media_lost > media_pairs",
        State.DEGRADED,
        mechanism="media.loss",
        because=(
            "More packets of the shape of the app's calls are lost than random packets of equal size. The difference "
            "is at least 5 of 100."
        ),
        plain=mark(
            "Call packets between this network and our test helper get lost: {low} to {high} of 100. Other packets of "
            "the same size pass better. Calls over {app} probably sound bad here."
        ),
    ),
    Rule(
        "service_media_late",
        f"{_WORKS} AND 2 * media_late > media_pairs",
        State.DEGRADED,
        mechanism="media.jitter",
        because=(
            "More packets of the shape of the app's calls are late by 100 ms than random packets of equal size. The "
            "difference is at least 5 of 100."
        ),
        plain=mark(
            "Call packets between this network and our test helper come too late: {late_low} to {late_high} of 100. "
            "Other packets of the same size are faster. Calls over {app} probably sound bad here."
        ),
    ),
)
