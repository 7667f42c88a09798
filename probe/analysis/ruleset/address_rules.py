"""Define the rules that decide whether an address can be judged."""

from probe.analysis.phenomena.captured_flows import ADDRESS_OF_CAPTURE
from probe.analysis.phenomena.missing_checks import NEAR_UNTESTED
from probe.analysis.phenomena.near_filters import STOPPED_NEAR, STOPPED_NEAR_SOMEWHERE
from probe.analysis.phenomena.neutral_failures import ACCEPTED_FOR_ALL
from probe.analysis.phenomena.own_load import AMONG_INNOCUOUS_FAILURES, OWN_LOAD
from probe.analysis.rules.inconclusive import LOCAL_FAULT
from probe.analysis.rules.rule import Kind, Rule, State
from probe.messages import mark

OUTAGE = "address_silent_like_neutral_hosts"  # the rule whose services the screen sums up

NETWORK_LOST = Kind(
    "network_lost",
    State.INSUFFICIENT,
    because="No neutral host answered when {failed}, so this network had lost its connection.",
    plain=mark(
        "This network was cut off for a time while {service} was tested: well-known servers did not answer either. "
        "Nothing can be concluded. Run the test again."
    ),
)
NETWORK_UNCHECKED = Kind(
    "network_unchecked",
    State.IMPAIRED,
    because="{failure}, and nothing shows that the network worked at the same time.",
    plain=mark(
        "The test of {service} failed, and the network was not checked at the same time. The cause is unclear. Run the "
        "test again."
    ),
)

ADDRESS_RULES = (
    Rule(
        "address_family_absent",
        "NOT family_works",
        State.INSUFFICIENT,
        because="This network has no working connection of the address's family.",
        plain=mark(
            "This network cannot reach the kind of address (IPv4 or IPv6) that {host} has. Nothing can be concluded "
            "about it."
        ),
    ),
    Rule(
        "address_datagrams_absent",
        "by_datagram AND NOT datagrams_work",
        State.INSUFFICIENT,
        because="This network passes no UDP datagram, so nothing can be concluded about endpoints over UDP.",
        plain=mark(
            "This network lets no packets of the kind (UDP) pass that {service} uses. Nothing can be concluded about "
            "it."
        ),
    ),
    Rule(
        "address_not_tried",
        "attempts = 0",
        State.INSUFFICIENT,
        untested=True,
        because="The address was not tried.",
        plain=mark("The server of {service} was not tried. Nothing can be concluded."),
    ),
    *STOPPED_NEAR,
    Rule(
        "address_quic_not_installed",
        "quic_missing > 0 AND local_faults >= attempts",
        State.INSUFFICIENT,
        untested=True,
        because="The extra `quic` is not installed, so no QUIC packet was sent to the address.",
        plain=mark(
            "{service} was not tested, because a part of this program is missing. Install censorprobe[quic], then run "
            "the test again."
        ),
    ),
    LOCAL_FAULT.rule("local_faults >= attempts", because={"moment": "before the address gave a result"}),
    Rule(
        "address_interrupted",
        "NOT address_proven AND successes = 0 AND unfinished < attempts AND interrupted",
        State.INSUFFICIENT,
        untested=True,
        because="It does not work, and the run was interrupted before the address could be verified.",
        plain=mark("The run was stopped before the address of {host} could be verified. Run the test again."),
    ),
    NETWORK_LOST.rule(
        "network_lost AND successes = 0 AND unfinished < attempts AND (control_attempts = 0 OR control_successes > 0)",
        because={"failed": "the attempts failed"},
    ),
    Rule(
        "address_unproven_fails",
        "NOT address_proven AND successes = 0 AND unfinished < attempts",
        State.IMPAIRED,
        because="It does not work, and the address could not be verified.",
        plain=mark(
            "The test of {service} failed, and it is not certain that the address of {host} is right. The cause is "
            "unclear."
        ),
    ),
    Rule(
        "address_silent_like_neutral_hosts",
        "address_proven AND in_outage AND successes = 0 AND (attempts >= 2 OR NOT interrupted) AND "
        "(control_attempts = 0 OR control_successes > 0)",
        State.IMPAIRED,
        because=(
            "No flow to the address gets an answer, and neither does a neutral host of an unrelated operator. A part "
            "of the Internet is not reachable from this network."
        ),
        plain=mark(
            "No connection to {host} can be opened. A well-known server that has nothing to do with it cannot be "
            "reached either. This looks like an outage on the way and not like blocking. Run the test again later."
        ),
    ),
    Rule(
        "address_silent_on_slow_line",
        "address_proven AND slow_silence AND successes = 0 AND (attempts - local_faults >= 2 OR NOT interrupted) AND "
        "(control_attempts = 0 OR control_successes > 0)",
        State.IMPAIRED,
        because=(
            "No attempt got an answer in time, and answers lay in a long queue of the access line. Silence on a slow "
            "access line is no sign of blocking."
        ),
        plain=mark(
            "{host} gave no answer in time. The line is slow, and answers may have come too late, so this is no sign "
            "of blocking. Test fewer services at once, or use a faster network."
        ),
    ),
    NETWORK_UNCHECKED.rule(
        "network_unchecked AND successes = 0 AND unfinished < attempts AND (control_attempts = 0 OR "
        "control_successes > 0) AND (attempts - local_faults >= 2 OR NOT interrupted)",
        because={"failure": "It does not work"},
    ),
    STOPPED_NEAR_SOMEWHERE,
    OWN_LOAD,
    AMONG_INNOCUOUS_FAILURES,
    NEAR_UNTESTED,
    ACCEPTED_FOR_ALL,
    Rule(
        "address_answer_unchecked",
        "answer_unchecked AND successes > 0",
        State.INSUFFICIENT,
        because="Any device can give this answer, and no check for a sign-in page was made at the same time.",
        plain=mark(
            "Something answers in the test of {service}. It may be a sign-in page of this network, which was not "
            "looked for at the same time. Nothing can be concluded."
        ),
    ),
    ADDRESS_OF_CAPTURE,
    Rule(
        "address_proven",
        "address_proven",
        State.OK,
        because="The address is verified.",
        plain=mark("The address of {host} is right."),
    ),
    Rule(
        "address_unproven",
        "TRUE",
        State.INSUFFICIENT,
        because="The address answers, but could not be verified.",
        plain=mark(
            "Something answers at the address of {host}, and it is not certain that it is {service}. Nothing can be "
            "concluded."
        ),
    ),
)
