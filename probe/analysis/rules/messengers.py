"""Define the rules about the messengers' own protocols, MTProto and Noise (table `payload`)."""

from probe.analysis.rules.resets import random_resets
from probe.analysis.rules.rule import Rule, State
from probe.messages import mark

_TWICE = "payload_successes = 0 AND payload_attempts >= 2 AND control_successes > 0"

PAYLOAD_RULES = (
    Rule(
        "payload_answered",
        "payload_successes > 0",
        State.OK,
        because="The server answers the service's own protocol and proves its identity.",
        plain=mark("{service} can be reached, and its server proved its identity."),
    ),
    Rule(
        "payload_local_fault",
        "local_faults > 0 AND payload_attempts = 0",
        State.INSUFFICIENT,
        untested=True,
        because="The run was interrupted, or this computer failed, before the service's own protocol was tried.",
        plain=mark(
            "{service} was not tested, because this computer was too busy or the run was stopped. Run the test again."
        ),
    ),
    Rule(
        "payload_not_reached",
        "payload_attempts = 0",
        State.INSUFFICIENT,
        untested=True,
        because=(
            "The measurement did not get as far as the service's own protocol, because an earlier step failed or it "
            "was not requested."
        ),
        plain=mark("The test of {service} ended before its last step. Nothing can be concluded from it."),
    ),
    Rule(
        "payload_interrupted",
        "interrupted AND payload_attempts < 2",
        State.INSUFFICIENT,
        untested=True,
        because="The run was interrupted before a failure of the service's own protocol could be confirmed.",
        plain=mark("The run was stopped before a failed test of {service} could be repeated. Run the test again."),
    ),
    Rule(
        "payload_reset_among_random_resets",
        random_resets.may_be_chance("payload"),
        State.IMPAIRED,
        because=random_resets.BECAUSE,
        plain=random_resets.PLAIN,
    ),
    Rule(
        "payload_reset_twin_passes",
        f"{_TWICE} AND payload_resets >= 2 AND twin_passed > 0",
        State.BLOCKED,
        mechanism="protocol.reset",
        because=(
            "The service's own protocol is reset here, another protocol at the same address and port is answered, and "
            "the test helper succeeds."
        ),
        plain=mark(
            "Connections in the language of {service} are cut off. Other connections to the same server work. Access "
            "to {service} is blocked."
        ),
    ),
    Rule(
        "payload_drop_twin_passes",
        f"{_TWICE} AND payload_timeouts >= 2 AND twin_passed > 0",
        State.BLOCKED,
        mechanism="protocol.drop",
        because=(
            "The service's own protocol gets no answer here, another protocol at the same address and port does, and "
            "the test helper succeeds."
        ),
        plain=mark(
            "Connections in the language of {service} get no answer. Other connections to the same server work. Access "
            "to {service} is blocked."
        ),
    ),
    Rule(
        "payload_drop_of_unlisted_protocols",
        f"{_TWICE} AND payload_timeouts >= 2 AND random_silent > 0 AND random_answered = 0 AND NOT line_lossy",
        State.BLOCKED,
        mechanism="protocol.drop",
        because=(
            "The service's own protocol and random bytes to a neutral host get no answer, while that host answers TLS "
            "and the test helper succeeds. Only listed protocols may pass."
        ),
        plain=mark(
            "Connections of {service} get no answer, and neither do connections of an unknown kind to an unrelated "
            "server. This network lets only listed kinds pass. Access to {service} is blocked."
        ),
    ),
    Rule(
        "payload_fails_everywhere",
        "payload_successes = 0 AND control_attempts > 0 AND control_successes = 0",
        State.DOWN,
        because="The service's own protocol fails here, and fails from the test helper too.",
        plain=mark(
            "The test of {service} failed here, and it failed from a test helper outside this network too. There is no "
            "sign of blocking."
        ),
    ),
    Rule(
        "payload_answered_by_web_proxy",
        "payload_successes = 0 AND payload_web_answers > 0 AND control_successes > 0",
        State.IMPAIRED,
        because=(
            "A web server answers in the place of the service's server at this port. A transparent web proxy does "
            "that with everything that is no web request."
        ),
        plain=mark(
            "A web proxy in this network answers in place of the server of {service} at this port. It lets only web "
            "pages pass, so this is no sign of blocking. Other ports may work."
        ),
    ),
    Rule(
        "payload_fails_here",
        f"{_TWICE}",
        State.LIKELY_BLOCKED,
        mechanism="protocol",
        because="The service's own protocol fails here, and the test helper succeeds.",
        plain=mark(
            "The server of {service} does not respond properly here. A test helper outside this network reaches it. "
            "Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "payload_unconfirmed",
        "payload_failure IS NOT NULL AND control_successes > 0",
        State.IMPAIRED,
        because=(
            "The service's own protocol failed here and not at the test helper, but not often or not uniformly enough "
            "to conclude more."
        ),
        plain=mark(
            "The test of {service} failed here and not from a test helper outside this network. The failures are too "
            "few or too different to name a cause. Run the test again."
        ),
    ),
    Rule(
        "payload_no_control",
        "payload_failure IS NOT NULL",
        State.IMPAIRED,
        because="The service's own protocol fails here, and no test helper tried the same endpoint.",
        plain=mark(
            "The test of {service} failed here. No test helper outside this network tried it, so the cause is unclear."
        ),
    ),
    Rule(
        "payload_undecided",
        "TRUE",
        State.INSUFFICIENT,
        because="No rule covers the result of the service's own protocol.",
        plain=mark("The test of {service} gave a result that no rule covers. Nothing can be concluded from it."),
    ),
)
