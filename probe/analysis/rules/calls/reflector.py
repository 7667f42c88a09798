"""Define the rules about Telegram's call relays ("reflectors"), over UDP and TCP."""

from probe.analysis.rules.calls import conditions, sentences
from probe.analysis.rules.resets import random_resets
from probe.analysis.rules.rule import Rule, State
from probe.messages import mark

REFLECTOR_RULES = (
    Rule(
        "reflector_answered",
        conditions.ANSWERED,
        State.OK,
        because="The call relay answers the hello.",
        plain=mark("{service} answers. Calls can be passed on there."),
    ),
    Rule(
        "reflector_local_fault",
        conditions.LOCAL_FAULT,
        State.INSUFFICIENT,
        untested=True,
        because="The run was interrupted, or this computer failed, before the hello to the call relay was tried.",
        plain=sentences.LOCAL_FAULT,
    ),
    Rule(
        "reflector_not_reached",
        conditions.NOT_REACHED,
        State.INSUFFICIENT,
        untested=True,
        because=(
            "The measurement did not get as far as the hello to the call relay, because an earlier step failed or it "
            "was not requested."
        ),
        plain=sentences.NOT_REACHED,
    ),
    Rule(
        "reflector_interrupted",
        conditions.INTERRUPTED,
        State.INSUFFICIENT,
        untested=True,
        because="The run was interrupted before a failure of the call relay could be confirmed.",
        plain=sentences.INTERRUPTED,
    ),
    Rule(
        "reflector_reset_among_random_resets",
        random_resets.may_be_chance("payload"),
        State.IMPAIRED,
        because=random_resets.BECAUSE,
        plain=random_resets.PLAIN,
    ),
    Rule(
        "reflector_tampered",
        conditions.TAMPERED,
        State.BLOCKED,
        mechanism="reflector.tampering",
        because=(
            "The hello gets no answer, and its copies come back from the helper's echo with their first and last two "
            "bytes exchanged. A random datagram of equal size returns unchanged."
        ),
        plain=mark(
            "The first packets of Telegram calls are spoilt on the way: their beginning and end are exchanged, even on "
            "the way to an unrelated server. Other packets pass unchanged. Access to {service} is blocked."
        ),
    ),
    Rule(
        "reflector_silent_twin_echoed",
        conditions.SILENT_TWIN_ECHOED,
        State.BLOCKED,
        mechanism="reflector.timeout.payload",
        because=(
            "The hello to the call relay gets no answer and is lost to the helper's echo too, and a random datagram of "
            "equal size returns."
        ),
        plain=mark(
            "The first packets of Telegram calls disappear, even on the way to an unrelated server. Other packets of "
            "the same size pass. Access to {service} is blocked."
        ),
    ),
    Rule(
        "reflector_accepts_alone",
        f"tcp_successes > 0 AND payload_timeouts > 0 AND {conditions.FAILS_EVERYWHERE}",
        State.INSUFFICIENT,
        because=(
            "The call relay accepts the connection here, and answers no hello of a stranger, here or at the test "
            "helper."
        ),
        plain=mark(
            "The relay of {service} accepts connections (TCP) here. It answers no strangers, neither here nor at a "
            "test helper outside this network. Nothing can be concluded about it."
        ),
    ),
    Rule(
        "reflector_fails_everywhere",
        conditions.FAILS_EVERYWHERE,
        State.INSUFFICIENT,
        because=(
            "The hello to the call relay fails here and from the test helper too, so the relay is down or does not "
            "answer strangers."
        ),
        plain=mark(
            "The relay of {service} answers no unknown caller, neither here nor from a test helper outside this "
            "network. There is no sign of blocking."
        ),
    ),
    Rule(
        "reflector_datagrams_changed",
        conditions.DATAGRAMS_CHANGED,
        State.IMPAIRED,
        because=(
            "The hello gets no answer that bears its tag. Datagrams arrive changed here, from the server or from the "
            "helper's echo."
        ),
        plain=sentences.DATAGRAMS_CHANGED,
    ),
    Rule(
        "reflector_answers_otherwise",
        conditions.ANSWERS_OTHERWISE,
        State.IMPAIRED,
        because="The call relay answers, but with nothing that bears the tag of the hello.",
        plain=sentences.ANSWERS_OTHERWISE,
    ),
    Rule(
        "reflector_no_datagram_passes",
        conditions.NO_DATAGRAM_PASSES,
        State.LIKELY_BLOCKED,
        mechanism="udp.timeout",
        because=sentences.NO_DATAGRAM_PASSES_TECHNICAL,
        plain=sentences.NO_DATAGRAM_PASSES,
    ),
    Rule(
        "reflector_unreachable_here",
        conditions.UNREACHABLE_HERE,
        State.LIKELY_BLOCKED,
        mechanism="ip.unreachable",
        because="The address is reported unreachable here, twice, and the test helper gets its answer.",
        plain=sentences.UNREACHABLE_HERE,
    ),
    Rule(
        "reflector_reset_here",
        conditions.RESET_HERE,
        State.LIKELY_BLOCKED,
        mechanism="reflector",
        because=(
            "The connection is made and is reset when it carries the hello to the call relay, and the test helper gets "
            "its answer."
        ),
        plain=mark(
            "Connections to {host} are cut off when they carry a Telegram call. A test helper outside this network "
            "gets an answer. Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "reflector_silent_though_twin_echoed",
        conditions.SILENT_THOUGH_TWIN_ECHOED,
        State.LIKELY_BLOCKED,
        mechanism="reflector.timeout.other",
        because=(
            "The hello gets no answer at this call relay and returns from the helper's echo, and the test helper gets "
            "its answer."
        ),
        plain=mark(
            "Packets of Telegram calls to {host} get no answer. The same packets to another server return, and a test "
            "helper gets an answer. Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "reflector_silent_here",
        conditions.SILENT_HERE,
        State.LIKELY_BLOCKED,
        mechanism="reflector.timeout.other",
        because="The hello to the call relay gets no answer here, and the test helper gets its answer.",
        plain=mark(
            "Packets of Telegram calls to {host} get no answer here. A test helper outside this network gets an "
            "answer. Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "reflector_fails_here",
        conditions.FAILS_HERE,
        State.LIKELY_BLOCKED,
        mechanism="reflector",
        because="The hello to the call relay fails here, and the test helper gets its answer.",
        plain=sentences.FAILS_HERE,
    ),
    Rule(
        "reflector_unconfirmed",
        conditions.UNCONFIRMED,
        State.IMPAIRED,
        because=(
            "The hello to the call relay failed here and not at the test helper, but not often or not uniformly enough "
            "to conclude more."
        ),
        plain=sentences.UNCONFIRMED,
    ),
    Rule(
        "reflector_no_control",
        conditions.NO_CONTROL,
        State.IMPAIRED,
        because="The hello to the call relay fails here, and no test helper tried the same endpoint.",
        plain=sentences.NO_CONTROL,
    ),
    Rule(
        "reflector_undecided",
        conditions.UNDECIDED,
        State.INSUFFICIENT,
        because="No rule covers the result of the hello to the call relay.",
        plain=sentences.UNDECIDED,
    ),
)
