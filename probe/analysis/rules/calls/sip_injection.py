"""Define the rules about final answers of SIP that another device than the server sent."""

from probe.analysis.rules.rule import Rule, State
from probe.messages import mark

_CLEAR = "payload_successes > 0 AND NOT payload_sealed"
_CONTROL_OTHERWISE = "control_successes > 0 AND control_sip_answer <> '' AND control_sip_doubtful = 0"
_CONTRADICTED = f"{_CLEAR} AND sip_contradicted > 0 AND {_CONTROL_OTHERWISE}"
_SECOND_IS_CONTROLS = "sip_second_answer = control_sip_answer"
_UNNAMED = "control_sip_named > 0 AND sip_named = 0"
"""No answer here names the product that the control sees."""
_AT_ECHO = "same_answered > 0 AND other_echoed > 0 AND other_changed = 0"
"""The copy of the request to the helper's echo is answered in SIP too, which the helper does not speak."""
_BEYOND_HOME = "sip_passed_home > 0 AND sip_answered_at_home = 0"
"""A request with limited TTL passed the user's own routers and got no answer. One of these may answer calls itself."""
_ALL_480 = "sip_unavailable >= 2 AND sip_unavailable = payload_attempts"
_ALL_500 = "sip_errors >= 2 AND sip_errors = payload_attempts"
_UNCLEAR = mark(
    "{service} answers here that it cannot take calls now. A test helper outside this network gets another answer. The "
    "server may refuse this network, or be busy at times. The cause is unclear."
)
# A true 480 or 500 is common. It accuses only before an answer of another sender, at the helper's echo, or without the
# product that the control sees. Inside TLS only the server can send it. A device at home may send it for whatever
# server, so that without a second answer the sender must be further away.

SIP_INJECTION_RULES = (
    Rule(
        "sip_480_contradicted",
        f"{_CONTRADICTED} AND {_ALL_480} AND {_SECOND_IS_CONTROLS}",
        State.BLOCKED,
        mechanism="sip.injection.480",
        because=(
            "SIP requests are answered with 480 here, and then by another sender with the status that the test helper "
            "gets. A device on the path sent the first answer."
        ),
        plain=mark(
            "A device in this network answers calls to {host} in the server's name: it says that no one can be "
            "reached. The server's own answer arrives later. Access to {service} is blocked."
        ),
    ),
    Rule(
        "sip_500_contradicted",
        f"{_CONTRADICTED} AND {_ALL_500} AND {_SECOND_IS_CONTROLS}",
        State.BLOCKED,
        mechanism="sip.injection.500",
        because=(
            "SIP requests are answered with 500 here, and then by another sender with the status that the test helper "
            "gets. A device on the path sent the first answer."
        ),
        plain=mark(
            "A device in this network answers calls to {host} in the server's name: it reports an error. The server's "
            "own answer arrives later. Access to {service} is blocked."
        ),
    ),
    Rule(
        "sip_gateway_answers",
        f"{_CLEAR} AND {_CONTROL_OTHERWISE} AND ({_ALL_480} OR {_ALL_500}) AND {_AT_ECHO} AND "
        "sip_named >= payload_attempts",
        State.IMPAIRED,
        because=(
            "A device that names its product answers the SIP request with 480 or 500, also on the way to the helper's "
            "echo. A home router with telephony does that."
        ),
        plain=_UNCLEAR,
    ),
    Rule(
        "sip_answered_at_home",
        f"{_CLEAR} AND {_CONTROL_OTHERWISE} AND ({_ALL_480} OR {_ALL_500}) AND sip_answered_at_home > 0",
        State.IMPAIRED,
        because=(
            "The SIP request is answered with 480 or 500 here, twice. A copy of it is answered by one of the first two "
            "devices on the path, as a home router with telephony does."
        ),
        plain=mark(
            "A device close to this computer answers calls to {host} in the server's name. It is probably your own "
            "router, so there is no sign of blocking. Look at its settings for telephony, or try another network."
        ),
    ),
    Rule(
        "sip_480_at_echo_too",
        f"{_CLEAR} AND {_CONTROL_OTHERWISE} AND {_ALL_480} AND {_AT_ECHO} AND {_BEYOND_HOME}",
        State.BLOCKED,
        mechanism="sip.injection.480",
        because=(
            "The SIP request is answered with 480 here, twice, and also on the way to the helper's echo, and the test "
            "helper gets another status. A random datagram returns unchanged."
        ),
        plain=mark(
            "A device in this network answers calls to {host} in the server's name: it says that no one can be "
            "reached. It answers even calls to an unrelated server. Access to {service} is blocked."
        ),
    ),
    Rule(
        "sip_500_at_echo_too",
        f"{_CLEAR} AND {_CONTROL_OTHERWISE} AND {_ALL_500} AND {_AT_ECHO} AND {_BEYOND_HOME}",
        State.BLOCKED,
        mechanism="sip.injection.500",
        because=(
            "The SIP request is answered with 500 here, twice, and also on the way to the helper's echo, and the test "
            "helper gets another status. A random datagram returns unchanged."
        ),
        plain=mark(
            "A device in this network answers calls to {host} in the server's name: it reports an error. It answers "
            "even calls to an unrelated server. Access to {service} is blocked."
        ),
    ),
    Rule(
        "sip_480_of_another_server",
        f"{_CLEAR} AND {_CONTROL_OTHERWISE} AND {_ALL_480} AND {_UNNAMED} AND {_BEYOND_HOME}",
        State.LIKELY_BLOCKED,
        mechanism="sip.injection.480",
        because=(
            "The SIP request is answered with 480 here, twice, without the product name that the test helper sees, "
            "and the test helper gets another status."
        ),
        plain=mark(
            "Calls to {host} are refused here: the answer says that no one can be reached, and it does not name the "
            "server's software. Outside this network the server answers. Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "sip_500_of_another_server",
        f"{_CLEAR} AND {_CONTROL_OTHERWISE} AND {_ALL_500} AND {_UNNAMED} AND {_BEYOND_HOME}",
        State.LIKELY_BLOCKED,
        mechanism="sip.injection.500",
        because=(
            "The SIP request is answered with 500 here, twice, without the product name that the test helper sees, "
            "and the test helper gets another status."
        ),
        plain=mark(
            "Calls to {host} are refused here: the answer reports an error, and it does not name the server's "
            "software. Outside this network the server answers. Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "sip_refused_only_here",
        f"payload_successes > 0 AND sip_unavailable + sip_errors >= payload_successes AND {_CONTROL_OTHERWISE}",
        State.IMPAIRED,
        because=(
            "The SIP request is answered with 480 or 500 here, and with another status at the test helper. Nothing "
            "shows that another device than the server sent it."
        ),
        plain=_UNCLEAR,
    ),
)
