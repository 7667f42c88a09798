"""Define the rules about TURN, over UDP, TCP and TLS."""

from probe.analysis.rules.rule import Rule, State
from probe.messages import mark

_FAILED = "payload_successes = 0"
_SILENT = f"{_FAILED} AND payload_timeouts >= 2"
_CONTROL = "control_successes > 0"
_SAME_DROPPED = "other_echoed > 0 AND same_silent > 0 AND same_echoed = 0"
_UNREADABLE_PASSES = f"twin_passed > 0 AND {_CONTROL}"
"""The same request inside TLS, or another protocol, is answered at the same address and port."""

TURN_RULES = (
    Rule(
        "turn_answered",
        "payload_successes > 0",
        State.OK,
        because="The server answers the TURN request correctly.",
        plain=mark("{service} answers. Relayed Internet calls can reach it."),
    ),
    Rule(
        "turn_local_fault",
        "local_faults > 0 AND payload_attempts = 0",
        State.INSUFFICIENT,
        untested=True,
        because="The run was interrupted, or this computer failed, before the TURN request was tried.",
        plain=mark(
            "{service} was not tested, because this computer was too busy or the run was stopped. Run the test again."
        ),
    ),
    Rule(
        "turn_not_reached",
        "payload_attempts = 0",
        State.INSUFFICIENT,
        untested=True,
        because=(
            "The measurement did not get as far as the TURN request, because an earlier step failed or it was not "
            "requested."
        ),
        plain=mark("The test of {service} ended before its last step. Nothing can be concluded from it."),
    ),
    Rule(
        "turn_interrupted",
        "interrupted AND payload_attempts < 2",
        State.INSUFFICIENT,
        untested=True,
        because="The run was interrupted before a failure of the TURN request could be confirmed.",
        plain=mark("The run was stopped before a failed test of {service} could be repeated. Run the test again."),
    ),
    Rule(
        "turn_silent_twin_echoed",
        f"{_SILENT} AND by_datagram AND {_SAME_DROPPED} AND NOT line_lossy AND (control_successes > 0 OR "
        "control_attempts = 0)",
        State.BLOCKED,
        mechanism="turn.timeout.payload",
        because=(
            "The TURN request gets no answer and is lost to the helper's echo too, and a random datagram "
            "of equal size returns."
        ),
        plain=mark(
            "Packets of relayed Internet calls (TURN) disappear, even on the way to an unrelated server. Other packets "
            "of the same size pass. Access to {service} is blocked."
        ),
    ),
    Rule(
        "turn_reset_twin_passes",
        f"{_FAILED} AND payload_resets >= 2 AND {_UNREADABLE_PASSES}",
        State.BLOCKED,
        mechanism="turn",
        because=(
            "The TURN request is reset when it is readable, an unreadable one is answered at the same address, and "
            "the test helper succeeds."
        ),
        plain=mark(
            "Connections for relayed Internet calls (TURN) to {host} are cut off. Encrypted or different ones to the "
            "same server pass. Access to {service} is blocked."
        ),
    ),
    Rule(
        "turn_silent_twin_passes",
        f"{_SILENT} AND {_UNREADABLE_PASSES}",
        State.BLOCKED,
        mechanism="turn.timeout.payload",
        because=(
            "The TURN request gets no answer when it is readable, an unreadable one is answered at the same address, "
            "and the test helper succeeds."
        ),
        plain=mark(
            "Packets of relayed Internet calls (TURN) to {host} get no answer. Encrypted or different ones to the same "
            "server do. Access to {service} is blocked."
        ),
    ),
    Rule(
        "turn_fails_everywhere",
        f"{_FAILED} AND control_attempts > 0 AND control_successes = 0",
        State.DOWN,
        because="The TURN request fails here, and fails from the test helper too.",
        plain=mark(
            "The test of {service} failed here, and it failed from a test helper outside this network too. There is no "
            "sign of blocking."
        ),
    ),
    Rule(
        "turn_answers_otherwise",
        f"{_FAILED} AND payload_answered > 0",
        State.IMPAIRED,
        because="The server answers the TURN request, but the answer proves nothing.",
        plain=mark("{service} answers, but not in the way that proves that it works. The cause is unclear."),
    ),
    Rule(
        "turn_no_datagram_passes",
        f"{_SILENT} AND by_datagram AND other_silent > 0 AND other_echoed = 0 AND same_echoed = 0 AND udp_passed = "
        f"0 AND dns_by_datagram AND {_CONTROL}",
        State.LIKELY_BLOCKED,
        mechanism="udp.timeout",
        because=(
            "No datagram except DNS gets an answer here, not even from the helper's echo, and the test helper succeeds."
        ),
        plain=mark(
            "This network lets no packets of the kind (UDP) pass that calls use, except name lookups. A test helper "
            "outside this network reaches the server. Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "turn_unreachable_here",
        f"{_FAILED} AND by_datagram AND payload_unreachables >= 2 AND {_CONTROL}",
        State.LIKELY_BLOCKED,
        mechanism="ip.unreachable",
        because="The address is reported unreachable here, twice, and the test helper gets its answer.",
        plain=mark(
            "This network says, twice, that {host} cannot be reached. A test helper outside this network gets an "
            "answer. Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "turn_reset_here",
        f"{_FAILED} AND payload_resets >= 2 AND NOT payload_sealed AND {_CONTROL}",
        State.LIKELY_BLOCKED,
        mechanism="turn",
        because=(
            "The connection is made and is reset when it carries the TURN request, and the test helper gets its answer."
        ),
        plain=mark(
            "Connections to {host} are cut off when they carry relayed Internet calls (TURN). A test helper outside "
            "this network gets an answer. Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "turn_silent_though_twin_echoed",
        f"{_SILENT} AND same_echoed > 0 AND {_CONTROL}",
        State.LIKELY_BLOCKED,
        mechanism="turn.timeout.other",
        because=(
            "The TURN request gets no answer at this address and returns from the helper's echo, and the test helper "
            "gets its answer."
        ),
        plain=mark(
            "Packets of relayed Internet calls (TURN) to {host} get no answer. The same packets to another server "
            "return, and a test helper gets an answer. Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "turn_silent_here",
        f"{_SILENT} AND {_CONTROL}",
        State.LIKELY_BLOCKED,
        mechanism="turn.timeout.other",
        because="The TURN request gets no answer here, and the test helper gets its answer.",
        plain=mark(
            "Packets of relayed Internet calls (TURN) to {host} get no answer here. A test helper outside this network "
            "gets an answer. Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "turn_fails_here",
        f"{_FAILED} AND payload_attempts >= 2 AND {_CONTROL}",
        State.LIKELY_BLOCKED,
        mechanism="turn",
        because="The TURN request fails here, and the test helper gets its answer.",
        plain=mark(
            "The test of {service} failed here, twice. A test helper outside this network gets an answer. Access to "
            "{service} is probably blocked."
        ),
    ),
    Rule(
        "turn_unconfirmed",
        "payload_failure IS NOT NULL AND control_successes > 0",
        State.IMPAIRED,
        because=(
            "The TURN request failed here and not at the test helper, but not often or not uniformly enough to "
            "conclude more."
        ),
        plain=mark(
            "The test of {service} failed here and not from a test helper outside this network. The failures are too "
            "few or too different to name a cause. Run the test again."
        ),
    ),
    Rule(
        "turn_no_control",
        "payload_failure IS NOT NULL",
        State.IMPAIRED,
        because="The TURN request fails here, and no test helper tried the same endpoint.",
        plain=mark(
            "The test of {service} failed here. No test helper outside this network tried it, so the cause is unclear."
        ),
    ),
    Rule(
        "turn_undecided",
        "TRUE",
        State.INSUFFICIENT,
        because="No rule covers the result of the TURN request.",
        plain=mark("The test of {service} gave a result that no rule covers. Nothing can be concluded from it."),
    ),
)
