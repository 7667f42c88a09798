"""Define the rules about the beginning of a DTLS handshake."""

from probe.analysis.rules.calls import conditions, sentences
from probe.analysis.rules.rule import Rule, State
from probe.messages import mark

DTLS_RULES = (
    Rule(
        "dtls_answered",
        conditions.ANSWERED,
        State.OK,
        because="The server answers the DTLS hello with a request for a cookie or with a ServerHello.",
        plain=mark("{service} answers. Encrypted calls (DTLS) can begin there."),
    ),
    Rule(
        "dtls_local_fault",
        conditions.LOCAL_FAULT,
        State.INSUFFICIENT,
        untested=True,
        because="The run was interrupted, or this computer failed, before the DTLS hello was tried.",
        plain=sentences.LOCAL_FAULT,
    ),
    Rule(
        "dtls_not_reached",
        conditions.NOT_REACHED,
        State.INSUFFICIENT,
        untested=True,
        because=(
            "The measurement did not get as far as the DTLS hello, because an earlier step failed or it was not "
            "requested."
        ),
        plain=sentences.NOT_REACHED,
    ),
    Rule(
        "dtls_interrupted",
        conditions.INTERRUPTED,
        State.INSUFFICIENT,
        untested=True,
        because="The run was interrupted before a failure of the DTLS hello could be confirmed.",
        plain=sentences.INTERRUPTED,
    ),
    Rule(
        "dtls_silent_in_one_form",
        conditions.ONE_FORM_OF_DTLS,
        State.DEGRADED,
        mechanism="dtls.timeout.fingerprint",
        because=(
            "The DTLS hello in OpenSSL's form gets no answer here, before and after a hello in Firefox's form is "
            "answered. The second form is answered twice, and the test helper gets an answer to the first form."
        ),
        plain=mark(
            "Encrypted calls (DTLS) to {host} get no answer if they begin as in one program. They get an "
            "answer if they begin as in a browser. Some programs cannot make calls with {service} here."
        ),
    ),
    Rule(
        "dtls_tampered",
        conditions.TAMPERED,
        State.BLOCKED,
        mechanism="dtls.tampering",
        because=(
            "The DTLS hello gets no answer, and its copies come back from the helper's echo with their first and last "
            "two bytes exchanged. A random datagram of equal size returns unchanged."
        ),
        plain=mark(
            "The first packets of encrypted calls (DTLS) are spoilt on the way: beginning and end are "
            "exchanged, even on the way to an unrelated server. Other packets pass unchanged. Access to {service} is "
            "blocked."
        ),
    ),
    Rule(
        "dtls_silent_twin_echoed",
        conditions.SILENT_TWIN_ECHOED,
        State.BLOCKED,
        mechanism="dtls.timeout.payload",
        because=(
            "The DTLS hello gets no answer and is lost to the helper's echo too, and a random datagram of equal size "
            "returns."
        ),
        plain=mark(
            "The first packets of encrypted calls (DTLS) disappear, even on the way to an unrelated server. "
            "Other packets of the same size pass. Access to {service} is blocked."
        ),
    ),
    Rule(
        "dtls_fails_everywhere",
        conditions.FAILS_EVERYWHERE,
        State.INSUFFICIENT,
        because=(
            "The DTLS hello fails here and from the test helper too, so the server is down or does not answer "
            "strangers."
        ),
        plain=sentences.FAILS_EVERYWHERE,
    ),
    Rule(
        "dtls_answers_otherwise",
        conditions.ANSWERS_OTHERWISE,
        State.IMPAIRED,
        because="The DTLS hello is answered, but with an alert or with a cipher suite that it did not offer.",
        plain=sentences.ANSWERS_OTHERWISE,
    ),
    Rule(
        "dtls_datagrams_changed",
        conditions.DATAGRAMS_CHANGED,
        State.IMPAIRED,
        because=(
            "The DTLS hello gets no answer. Datagrams arrive changed here, from the server or from the helper's echo."
        ),
        plain=sentences.DATAGRAMS_CHANGED,
    ),
    Rule(
        "dtls_no_datagram_passes",
        conditions.NO_DATAGRAM_PASSES,
        State.LIKELY_BLOCKED,
        mechanism="udp.timeout",
        because=sentences.NO_DATAGRAM_PASSES_TECHNICAL,
        plain=sentences.NO_DATAGRAM_PASSES,
    ),
    Rule(
        "dtls_unreachable_here",
        conditions.UNREACHABLE_HERE,
        State.LIKELY_BLOCKED,
        mechanism="ip.unreachable",
        because="The address is reported unreachable here, twice, and the test helper gets its answer.",
        plain=sentences.UNREACHABLE_HERE,
    ),
    Rule(
        "dtls_silent_though_twin_echoed",
        conditions.SILENT_THOUGH_TWIN_ECHOED,
        State.LIKELY_BLOCKED,
        mechanism="dtls.timeout.other",
        because=(
            "The DTLS hello gets no answer at this address and returns from the helper's echo, and the test helper "
            "gets its answer."
        ),
        plain=mark(
            "Packets of encrypted calls (DTLS) to {host} get no answer. The same packets to another "
            "server return, and a test helper gets an answer. Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "dtls_silent_here",
        conditions.SILENT_HERE,
        State.LIKELY_BLOCKED,
        mechanism="dtls.timeout.other",
        because="The DTLS hello gets no answer here, and the test helper gets its answer.",
        plain=mark(
            "Packets of encrypted calls (DTLS) to {host} get no answer here. A test helper outside "
            "this network gets an answer. Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "dtls_unconfirmed",
        conditions.UNCONFIRMED,
        State.IMPAIRED,
        because=(
            "The DTLS hello failed here and not at the test helper, but not often or not uniformly enough to conclude "
            "more."
        ),
        plain=sentences.UNCONFIRMED,
    ),
    Rule(
        "dtls_no_control",
        conditions.NO_CONTROL,
        State.IMPAIRED,
        because="The DTLS hello fails here, and no test helper tried the same endpoint.",
        plain=sentences.NO_CONTROL,
    ),
    Rule(
        "dtls_undecided",
        conditions.UNDECIDED,
        State.INSUFFICIENT,
        because="No rule covers the result of the DTLS hello.",
        plain=sentences.UNDECIDED,
    ),
)
