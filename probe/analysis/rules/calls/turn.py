"""Define the rules about TURN, over UDP, TCP and TLS."""

from probe.analysis.rules.calls import conditions, sentences
from probe.analysis.rules.resets import random_resets
from probe.analysis.rules.rule import Rule, State
from probe.messages import mark

TURN_RULES = (
    Rule(
        "turn_answered",
        conditions.ANSWERED,
        State.OK,
        because="The server answers the TURN request correctly.",
        plain=mark("{service} answers. Relayed Internet calls can reach it."),
    ),
    Rule(
        "turn_local_fault",
        conditions.LOCAL_FAULT,
        State.INSUFFICIENT,
        untested=True,
        because="The run was interrupted, or this computer failed, before the TURN request was tried.",
        plain=sentences.LOCAL_FAULT,
    ),
    Rule(
        "turn_not_reached",
        conditions.NOT_REACHED,
        State.INSUFFICIENT,
        untested=True,
        because=(
            "The measurement did not get as far as the TURN request, because an earlier step failed or it was not "
            "requested."
        ),
        plain=sentences.NOT_REACHED,
    ),
    Rule(
        "turn_interrupted",
        conditions.INTERRUPTED,
        State.INSUFFICIENT,
        untested=True,
        because="The run was interrupted before a failure of the TURN request could be confirmed.",
        plain=sentences.INTERRUPTED,
    ),
    Rule(
        "turn_reset_among_random_resets",
        random_resets.may_be_chance("payload"),
        State.IMPAIRED,
        because=random_resets.BECAUSE,
        plain=random_resets.PLAIN,
    ),
    Rule(
        "turn_tampered",
        conditions.TAMPERED,
        State.BLOCKED,
        mechanism="turn.tampering",
        because=(
            "The TURN request gets no answer, and its copies come back from the helper's echo with their first and "
            "last two bytes exchanged. A random datagram of equal size returns unchanged."
        ),
        plain=mark(
            "Packets of relayed Internet calls (TURN) are spoilt on the way: their beginning and end are "
            "exchanged, even on the way to an unrelated server. Other packets pass unchanged. Access to {service} is "
            "blocked."
        ),
    ),
    Rule(
        "turn_silent_twin_echoed",
        conditions.SILENT_TWIN_ECHOED,
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
        conditions.RESET_TWIN_PASSES,
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
        conditions.SILENT_TWIN_PASSES,
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
        conditions.FAILS_EVERYWHERE,
        State.DOWN,
        because="The TURN request fails here, and fails from the test helper too.",
        plain=sentences.FAILS_EVERYWHERE,
    ),
    Rule(
        "turn_answers_otherwise",
        conditions.ANSWERS_OTHERWISE,
        State.IMPAIRED,
        because="The server answers the TURN request, but the answer proves nothing.",
        plain=sentences.ANSWERS_OTHERWISE,
    ),
    Rule(
        "turn_datagrams_changed",
        conditions.DATAGRAMS_CHANGED,
        State.IMPAIRED,
        because=(
            "The TURN request gets no answer. Datagrams arrive changed here, from the server or from the helper's echo."
        ),
        plain=sentences.DATAGRAMS_CHANGED,
    ),
    Rule(
        "turn_no_datagram_passes",
        conditions.NO_DATAGRAM_PASSES,
        State.LIKELY_BLOCKED,
        mechanism="udp.timeout",
        because=sentences.NO_DATAGRAM_PASSES_TECHNICAL,
        plain=sentences.NO_DATAGRAM_PASSES,
    ),
    Rule(
        "turn_unreachable_here",
        conditions.UNREACHABLE_HERE,
        State.LIKELY_BLOCKED,
        mechanism="ip.unreachable",
        because="The address is reported unreachable here, twice, and the test helper gets its answer.",
        plain=sentences.UNREACHABLE_HERE,
    ),
    Rule(
        "turn_reset_here",
        conditions.RESET_HERE,
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
        conditions.SILENT_THOUGH_TWIN_ECHOED,
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
        conditions.SILENT_HERE,
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
        conditions.FAILS_HERE,
        State.LIKELY_BLOCKED,
        mechanism="turn",
        because="The TURN request fails here, and the test helper gets its answer.",
        plain=sentences.FAILS_HERE,
    ),
    Rule(
        "turn_unconfirmed",
        conditions.UNCONFIRMED,
        State.IMPAIRED,
        because=(
            "The TURN request failed here and not at the test helper, but not often or not uniformly enough to "
            "conclude more."
        ),
        plain=sentences.UNCONFIRMED,
    ),
    Rule(
        "turn_no_control",
        conditions.NO_CONTROL,
        State.IMPAIRED,
        because="The TURN request fails here, and no test helper tried the same endpoint.",
        plain=sentences.NO_CONTROL,
    ),
    Rule(
        "turn_undecided",
        conditions.UNDECIDED,
        State.INSUFFICIENT,
        because="No rule covers the result of the TURN request.",
        plain=sentences.UNDECIDED,
    ),
)
