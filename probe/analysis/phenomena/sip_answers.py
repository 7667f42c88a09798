"""Define the final answers of SIP that another device than the server sent."""

from dataclasses import dataclass

from probe.analysis.phenomena.phenomenon import Phenomenon, RowPart
from probe.analysis.rules.rule import CausePlace, Kind, Rule, State
from probe.analysis.sql.column import column
from probe.analysis.sql.link_counts import CONTROL, TARGET, count, last_text
from probe.analysis.sql.linked_roles import followed
from probe.messages import mark
from probe.signatures.injected_answers import SIP_STATUS
from probe.signatures.ttl_distance import AT_HOME

_ANSWERED = "sip_code >= 200"
_OTHER_SENDER = "sip_second_code > 0"


def _status(function: str, role: str) -> str:
    return f"COALESCE({function}(sip_code) FILTER (WHERE {role} AND {_ANSWERED}), 0)"


_DOUBTFUL = f"sip_code IN ({', '.join(map(str, sorted(SIP_STATUS)))})"
"""A status that a middlebox may have sent."""
_LIMITED = followed(
    "sip_limited",
    "f.family = s.address_family",
    "limited_payload",
    "s.proof = 'sip'",
    "f.sip_answered_at + f.sip_passed_at > 0",
    decides=True,
)
_SWEPT = followed("sip_swept", "f.address = s.address AND f.port = s.endpoint_port", "path_sweep", "s.proof = 'sip'")
_ROUTERS_BEHIND = 2
"""How many routers a device must have behind itself that answers in the place of the server. Ways differ by flow."""


@dataclass
class SipAnswerColumns:
    """Count final answers of SIP that a middlebox may have sent, and what distinguishes its sender from the server."""

    sip_unavailable: int = column(0, "Attempts whose first final answer was 480.", count(TARGET, "sip_code = 480"))
    sip_errors: int = column(0, "Attempts whose first final answer was 500.", count(TARGET, "sip_code = 500"))
    sip_second_answer: str = column(
        "", "Status of the last such second answer.", last_text("sip_second_code", TARGET, "sip_second_code > 0")
    )
    sip_named: int = column(
        0, "Attempts whose first final answer names a product.", count(TARGET, _ANSWERED, "sip_server <> ''")
    )
    control_sip_answer: str = column(
        "", "Status of the control's last final answer.", last_text("sip_code", "role = 'timely'", _ANSWERED)
    )
    control_sip_named: int = column(
        0,
        "The control's attempts whose final answer names a product.",
        count("role = 'timely'", _ANSWERED, "sip_server <> ''"),
    )
    control_sip_doubtful: int = column(
        0, "The control's attempts whose first final answer was 480 or 500.", count(CONTROL, _DOUBTFUL)
    )
    sip_answered_at_home: int = column(
        0,
        f"Requests of SIP with a TTL of {AT_HOME} or less that a device on the path answered.",
        count("role = 'sip_limited'", f"sip_answered_at BETWEEN 1 AND {AT_HOME}"),
    )
    sip_passed_home: int = column(
        0,
        f"Requests of SIP with a limited TTL of {AT_HOME} or more that got no answer.",
        count("role = 'sip_limited'", f"sip_passed_at >= {AT_HOME}"),
    )
    sip_lowest_status: int = column(0, "Lowest final status of the attempts, 0 for none.", _status("min", TARGET))
    sip_highest_status: int = column(0, "Highest final status of the attempts, 0 for none.", _status("max", TARGET))
    sip_second_answers: int = column(
        0, "Attempts in which another sender's final answer followed any first one.", count(TARGET, _OTHER_SENDER)
    )
    sip_answered_from: int = column(
        0,
        "Smallest TTL with which a request of SIP to the address was answered, 0 if it is unknown.",
        "COALESCE(min(sip_answered_at) FILTER (WHERE role = 'sip_limited' AND flow_address = k.address"
        " AND sip_answered_at > 0), 0)",
    )
    sip_path_goes_to: int = column(
        0,
        "Distance of the farthest router on the way to the server that answered an innocuous packet, 0 for none.",
        "COALESCE(max(swept_to) FILTER (WHERE role = 'sip_swept'), 0)",
    )
    control_sip_lowest_status: int = column(
        0, "Lowest final status that the control got, 0 for none.", _status("min", "role = 'timely'")
    )
    control_sip_highest_status: int = column(
        0, "Highest final status that the control got, 0 for none.", _status("max", "role = 'timely'")
    )
    control_sip_second_answers: int = column(
        0, "The control's attempts in which another sender's final answer followed.", count(CONTROL, _OTHER_SENDER)
    )


_CLEAR = "payload_successes > 0 AND NOT payload_sealed"
_CONTROL_OTHERWISE = "control_successes > 0 AND control_sip_answer <> '' AND control_sip_doubtful = 0"
_CONTRADICTED = f"{_CLEAR} AND sip_second_answers > 0 AND {_CONTROL_OTHERWISE}"
_SECOND_IS_CONTROLS = "sip_second_answer = control_sip_answer AND control_sip_second_answers = 0"
"""A server whose machines answer one request twice does so at the control too."""
_UNNAMED = "control_sip_named > 0 AND sip_named = 0"
"""No answer here names the product that the control sees."""
_AT_ECHO = "same_answered > 0 AND other_echoed > 0 AND other_changed = 0"
"""The copy of the request to the helper's echo is answered in SIP too, which the helper does not speak."""
_BEYOND_HOME = "sip_passed_home > 0 AND sip_answered_at_home = 0"
"""A request with limited TTL passed the user's own routers and got no answer. One of these may answer calls itself."""
_BEFORE = f"sip_answered_from > 0 AND sip_path_goes_to >= sip_answered_from + {_ROUTERS_BEHIND}"
"""Routers answer innocuous packets to the server from farther away than the answer to the request comes from."""
_ALL_480 = "sip_unavailable >= 2 AND sip_unavailable = payload_attempts"
_ALL_500 = "sip_errors >= 2 AND sip_errors = payload_attempts"
UNKNOWN_CALLERS = mark(
    "The server of {service} answers no unknown caller, neither here nor from a test helper outside this network. "
    "There is no sign of blocking."
)
_DIFFERS = (
    f"{_CONTROL_OTHERWISE} AND sip_lowest_status > 0 AND (sip_lowest_status > control_sip_highest_status"
    " OR sip_highest_status < control_sip_lowest_status)"
)
"""No attempt got a status that the control got, nor one between its statuses."""
_ALL_DIFFER = f"payload_successes >= 2 AND payload_successes = payload_attempts AND {_DIFFERS}"
_ALL_OF_THESE = f"({_ALL_480} OR {_ALL_500} OR ({_ALL_DIFFER}))"
_LEAST_REFUSAL, _FORBIDDEN, _DECLINED = 300, 403, 603  # RFC 3261, sections 21.3, 21.4.4 and 21.6.2
_UNCLEAR = mark(
    "{service} answers here that it cannot take calls now. A test helper outside this network gets another answer. The "
    "server may refuse this network, or be busy at times. The cause is unclear."
)
# A true refusal is common. It accuses only before an answer of another sender, at the helper's echo, or without the
# product that the control sees. Inside TLS only the server can send it. A device at home may send it for whatever
# server, so that without a second answer the sender must be further away.

_CONTRADICTED_BY_SERVER = Kind(
    "sip_answer_contradicted",
    State.BLOCKED,
    because=(
        "SIP requests are answered with {status} here, and then by another sender with the status that the test helper "
        "gets. A device on the path sent the first answer."
    ),
    plain=mark(
        "A device in this network answers calls to {host} in the server's name: {answer}. The server's own answer "
        "arrives later. Access to {service} is blocked."
    ),
)
_AT_ECHO_TOO = Kind(
    "sip_answer_at_echo_too",
    State.BLOCKED,
    because=(
        "The SIP request is answered with {status} here, twice, and also on the way to the helper's echo, and the test "
        "helper gets another status. A random datagram returns unchanged."
    ),
    plain=mark(
        "A device in this network answers calls to {host} in the server's name: {answer}. It answers even calls to an "
        "unrelated server. Access to {service} is blocked."
    ),
)
_OF_ANOTHER_SERVER = Kind(
    "sip_answer_of_another_server",
    State.LIKELY_BLOCKED,
    because=(
        "The SIP request is answered with {status} here, twice, without the product name that the test helper sees, "
        "and the test helper gets another status."
    ),
    plain=mark(
        "Calls to {host} are refused here: {answer}. The answer does not name the server's software. Outside this "
        "network the server answers. Access to {service} is probably blocked."
    ),
)
_ANY_OTHER = mark("the answer is not the one that the server gives outside this network")
_Status = tuple[str, str, str, str, str]
_KNOWN_STATUSES: tuple[_Status, ...] = (
    ("480", "sip.injection.480", _ALL_480, "480", mark("the answer says that no one can be reached")),
    ("500", "sip.injection.500", _ALL_500, "500", mark("the answer reports an error")),
)
"""What was forged, mechanism, when all attempts got the status, and the words about it, for the statuses of a product.

A server's own gateway may refuse a country with another status and without a name, so only these two accuse without a
name.
"""
_STATUSES: tuple[_Status, ...] = (
    *_KNOWN_STATUSES,
    ("other_status", "sip.injection", f"({_ALL_DIFFER})", "a status that the test helper does not get", _ANY_OTHER),
)


def _forged(kind: Kind, before: str, after: str, statuses: tuple[_Status, ...] = _STATUSES) -> tuple[Rule, ...]:
    """Return the rules of a kind for the two statuses that a product is known to send, and for all others."""
    return tuple(
        kind.rule(
            f"{before} AND {each_time} AND {after}",
            forged=forged,
            mechanism=mechanism,
            because={"status": status},
            plain={"answer": answer},
        )
        for forged, mechanism, each_time, status, answer in statuses
    )


_ANSWERED_OTHERWISE = f"{_CLEAR} AND {_CONTROL_OTHERWISE}"

SIP_INJECTION_RULES = (
    *_forged(_CONTRADICTED_BY_SERVER, _CONTRADICTED, _SECOND_IS_CONTROLS),
    Rule(
        "sip_gateway_answers",
        f"{_CLEAR} AND {_CONTROL_OTHERWISE} AND {_ALL_OF_THESE} AND {_AT_ECHO} AND sip_named >= payload_attempts",
        State.IMPAIRED,
        because=(
            "A device that names its product answers the SIP request, also on the way to the helper's echo, and the "
            "test helper gets another status. A home router with telephony does that."
        ),
        plain=_UNCLEAR,
    ),
    Rule(
        "sip_answered_at_home",
        f"{_CLEAR} AND {_CONTROL_OTHERWISE} AND {_ALL_OF_THESE} AND sip_answered_at_home > 0",
        State.IMPAIRED,
        because=(
            "The SIP request is answered here with a status that the test helper does not get, twice. A copy of it is "
            "answered by one of the first two devices on the path, as a home router with telephony does."
        ),
        plain=mark(
            "A device close to this computer answers calls to {host} in the server's name. It is probably your own "
            "router, so there is no sign of blocking. Look at its settings for telephony, or try another network."
        ),
    ),
    *_forged(_AT_ECHO_TOO, _ANSWERED_OTHERWISE, f"{_AT_ECHO} AND {_BEYOND_HOME}"),
    *_forged(_OF_ANOTHER_SERVER, _ANSWERED_OTHERWISE, f"{_UNNAMED} AND {_BEYOND_HOME}", _KNOWN_STATUSES),
    Rule(
        "sip_answered_before_server",
        f"{_ANSWERED_OTHERWISE} AND {_ALL_OF_THESE} AND {_BEFORE} AND {_BEYOND_HOME}",
        State.LIKELY_BLOCKED,
        mechanism="sip.injection",
        because=(
            "The SIP request is answered here with a status that the test helper does not get, twice, and also when "
            "its TTL ends two routers or more before the server."
        ),
        plain=mark(
            "A device on the way to {host} answers calls in the server's name. Its distance shows that it is not the "
            "server. Access to {service} is probably blocked."
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
    Rule(
        "sip_service_refuses_here",
        f"payload_sealed AND {_DIFFERS} AND sip_lowest_status = sip_highest_status AND "
        f"(sip_lowest_status = {_FORBIDDEN} OR sip_lowest_status = {_DECLINED})",
        State.IMPAIRED,
        cause_place=CausePlace.SERVICE,
        because=(
            "The SIP request is refused here (403 or 603) inside TLS, where only the server can answer, and the test "
            "helper gets another status."
        ),
        plain=mark(
            "{service} itself refuses calls from here, and not from a test helper outside this network. It may refuse "
            "your country or your network. This is no interference on the way."
        ),
    ),
    Rule(
        "sip_answers_otherwise_here",
        f"{_CLEAR} AND {_ALL_DIFFER} AND sip_lowest_status >= {_LEAST_REFUSAL}",
        State.IMPAIRED,
        because=(
            "The SIP request is refused here with a status that the test helper does not get, twice. Nothing shows "
            "that another device than the server sent it."
        ),
        plain=mark(
            "{service} refuses calls here, and not from a test helper outside this network. The server may refuse your "
            "network or your country, or a device on the way answers in its name. The cause is unclear."
        ),
    ),
)

SIP_ANSWERS = Phenomenon(
    "sip_answers",
    "A device on the path answers SIP in the server's name.",
    roles=(_LIMITED, _SWEPT),
    address=RowPart(SipAnswerColumns),
    mechanisms={
        f"sip.injection.{code}": f"A device on the path answers SIP in the server's name with {code} ({meaning})."
        for code, meaning in ((480, "Temporarily Unavailable"), (500, "Server Internal Error"))
    },
    app_words={"sip.injection": mark("Calls get false answers.")},
)
