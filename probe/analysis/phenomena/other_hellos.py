"""Define the other client hellos: a browser's, ours at another length, and with Encrypted ClientHello (ECH).

They show that a failure depends on the program that made the hello, on its length, or on ECH.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from probe.analysis.observations.failure_kinds import LOCAL, RESET, TIMEOUT
from probe.analysis.phenomena.phenomenon import Phenomenon, RowPart
from probe.analysis.rules.name_blocking import INNOCUOUS_PASSES
from probe.analysis.rules.rule import Kind, Rule, State
from probe.analysis.rules.ways_of_failing import TLS_RESET, TLS_TIMEOUT, WayOfFailing
from probe.analysis.sql.column import column
from probe.analysis.sql.differentials import AFTER, BEFORE, COMPARED_FLOWS, Differential
from probe.analysis.sql.expressions import program_of
from probe.analysis.sql.link_counts import count, or_zero
from probe.analysis.sql.linked_roles import HAS_NAME, OF_FAMILY, followed
from probe.analysis.sql.statement import Statement
from probe.analysis.sql.subject import SUBJECT, same_subject
from probe.messages import mark

_TARGET_HELLO = f"SELECT 1 FROM target t WHERE {same_subject('t', 's')} AND t.tls_attempts > 0 AND"

_SAME_ENGINE = f"EXISTS ({_TARGET_HELLO} t.tls_engine = f.tls_engine)"

_SAME_LENGTH = f"EXISTS ({_TARGET_HELLO} t.tls_hello_length = f.tls_hello_length)"

_OUR_PROGRAM = f"EXISTS ({_TARGET_HELLO} t.program = {program_of('f.tls_engine')})"

_HELLOS = tuple(
    followed(role, OF_FAMILY, followup, "f.tls_attempts > 0", condition, decides=True)
    for role, followup, condition in (
        ("browser", "browser_hello", f"f.tls_name = s.host AND NOT {_SAME_ENGINE}"),
        ("other_size", "other_size_hello", f"f.tls_name = s.host AND NOT {_SAME_LENGTH}"),
        ("again", "same_hello_again", f"f.tls_name = s.host AND {_SAME_ENGINE}"),
        ("innocuous_hello", "harmless_browser_hello", f"NOT {HAS_NAME} AND NOT {_SAME_ENGINE}"),
    )
)

_ECH = tuple(
    followed(
        role,
        "f.family = s.address_family" if followup.startswith("neutral_") else OF_FAMILY,
        followup,
        "f.tls_attempts > 0",
        f"{'' if ech else 'NOT '}f.tls_ech",
        f"{'' if named else 'NOT '}{HAS_NAME}",
        f"{'' if ours else 'NOT '}{_OUR_PROGRAM}",
        decides=True,
    )
    for role, followup, ech, ours, named in (
        ("ech_browser", "browser_hello", True, False, True),
        ("ech_browser_without", "browser_hello_without_ech", False, False, True),
        ("ech_innocuous", "harmless_browser_hello", True, False, False),
        ("ech_neutral", "neutral_browser_hello", True, False, False),
        ("ech_neutral_without", "neutral_browser_hello_without_ech", False, False, False),
        ("ech_neutral_ours", "neutral_hello_with_ech", True, True, False),
        ("ech_name_ours", "hello_with_ech_neutral_host", True, True, True),
        ("ech_name_ours_without", "same_name_neutral_host", False, True, True),
    )
)


KINDS = (RESET, TIMEOUT)

_AT_WORKING = "b.at_working"

# Otherwise an outage may have ended or begun in between. Hellos to neutral hosts that did not work are left out.
_DIFFERENTIALS = (
    Differential(
        "ours_failed_later",
        ("browser", "other_size"),
        AFTER,
        ("again",),
        f"b.tls_failure IS NOT NULL AND b.tls_failure_kind <> '{LOCAL}' AND NOT b.tls_answered",
    ),
    Differential("innocuous_answered_later", ("browser",), AFTER, ("innocuous_hello",), "b.tls_answered"),
    Differential("ech_before", ("ech_browser_without", "ech_innocuous"), BEFORE, ("ech_browser",)),
    Differential("ech_before", ("ech_neutral_without",), BEFORE, ("ech_neutral",), _AT_WORKING),
    Differential("ech_before", ("ech_name_ours_without",), BEFORE, ("ech_name_ours",), _AT_WORKING),
    Differential("ech_after", ("ech_browser_without",), AFTER, ("ech_browser", "ech_innocuous")),
    Differential("ech_after", ("ech_neutral_without",), AFTER, ("ech_neutral_ours",), _AT_WORKING),
    Differential("ech_with_name_after", ("ech_browser_without",), AFTER, ("ech_browser",)),
)


def _where(role: str, *conditions: str) -> str:
    """Return the condition that a hello has a role, to a neutral host that works if it went to one."""
    working = ("k.at_working",) if "neutral" in role or "ours" in role else ()
    return " AND ".join((f"k.role = '{role}'", *working, *conditions))


def _all_answered(role: str, *further: str) -> str:
    """Return the condition that there are hellos of a role, and all were answered after one with ECH."""
    answered = count(_where(role, "k.tls_answered", "d.ech_before", *further))
    return f"{count(_where(role))} > 0 AND {answered} = {count(_where(role))}"


def _number_failed(roles: Sequence[str], kind: str, counted: str = "TRUE") -> str:
    """Return the number of hellos of the roles, 0 unless all failed in one way."""
    chosen = " OR ".join(map(_where, roles))
    otherwise = f"(k.tls_failure_kind <> '{kind}' OR k.tls_answered)"
    return f"CASE WHEN {count(f'({chosen})', otherwise)} > 0 THEN 0 ELSE {count(f'({chosen})', counted)} END"


_WITH_ANY_NAME = ("ech_browser", "ech_innocuous", "ech_neutral", "ech_neutral_ours")

_EACH = " AND ".join(f"{count(_where(role))} > 0" for role in _WITH_ANY_NAME)

_NO_LONGER = (
    "COALESCE(min(k.tls_hello_length) FILTER (WHERE k.role = 'ech_browser_without')"
    " >= COALESCE(max(k.tls_hello_length) FILTER (WHERE k.role = 'ech_browser'), 0), TRUE)"
)
"""A longer hello was answered, so that no failure depends on the length."""

_ANY_NAME = (
    f"{_all_answered('ech_browser_without', 'd.ech_after')} AND {_all_answered('ech_neutral_without', 'd.ech_after')}"
    f" AND {_EACH} AND {_NO_LONGER}"
)
"""Hellos without ECH were answered between those with ECH that failed, with the target's name and at a neutral host."""

_TARGET_NAME = (
    f"{_all_answered('ech_browser_without', 'd.ech_with_name_after')} AND {_all_answered('ech_innocuous')}"
    f" AND {_all_answered('ech_name_ours_without')} AND {_NO_LONGER}"
)
"""Hellos with ECH and another name, or with the target's name alone, were answered between those with both."""


def _fails_without_ech(kind: str) -> str:
    """Return the condition that a browser's hellos with the name fail in one way without ECH too, or none had ECH."""
    return f"{count(_where('ech_browser'))} = 0 OR {_number_failed(['ech_browser_without'], kind)} > 0"


HELLO_RESULTS = Statement(
    "hello_result",
    "How many hellos of a browser failed in one way before one with an innocuous name was answered, and how many with"
    " ECH, with any name and with the target's only. Each is 0 unless all such hellos failed in this way, and those"
    " that differ from them in one respect were answered.",
    SUBJECT,
    "SELECT k.m, k.endpoint, k.address, "
    + ", ".join(
        f"CASE WHEN {_fails_without_ech(kind)} THEN"
        f" {_number_failed(['browser'], kind, 'd.innocuous_answered_later')} ELSE 0 END AS browser_{kind}s,"
        f" CASE WHEN {_ANY_NAME} THEN {_number_failed(_WITH_ANY_NAME, kind)} ELSE 0 END AS ech_{kind}s,"
        f" CASE WHEN {_TARGET_NAME} THEN {_number_failed(('ech_browser', 'ech_name_ours'), kind)} ELSE 0 END"
        f" AS ech_name_{kind}s"
        for kind in (RESET, TIMEOUT)
    )
    + f" FROM {COMPARED_FLOWS} WHERE k.role = 'browser' OR substr(k.role, 1, 4) = 'ech_'"
    " GROUP BY k.m, k.endpoint, k.address",
)


@dataclass
class OtherHelloColumns:
    """Count hellos of other shapes that passed or failed beside ours."""

    same_hello_passed: int = column(
        0,
        "Repetitions of our hello to an address of this family, after it had failed there, that were answered.",
        count("role = 'again'", "tls_answered", "tls_failure IS NULL"),
    )
    other_hello_passed: int = column(
        0,
        "Hellos of a browser or of another length with the name that were answered there, after ours had failed.",
        count("role IN ('browser', 'other_size')", "tls_answered", "tls_failure IS NULL"),
    )
    browser_passed: int = column(
        0,
        "Browser hellos that got a valid certificate before our hello failed again.",
        count("role = 'browser'", "tls_shown", "tls_verified_name = host", "ours_failed_later"),
    )
    browser_resets: int = column(
        0, "Browser hellos that were reset before one with an innocuous name was answered.", or_zero("h.browser_resets")
    )
    browser_timeouts: int = column(
        0,
        "Browser hellos that timed out before one with an innocuous name was answered.",
        or_zero("h.browser_timeouts"),
    )
    other_size_passed: int = column(
        0,
        "Hellos of another length that were answered before our hello failed again.",
        count("role = 'other_size'", "tls_answered", "ours_failed_later"),
    )
    ech_resets: int = column(
        0,
        "Hellos with ECH and any name that were reset, at a neutral host too. The same without ECH were answered.",
        or_zero("h.ech_resets"),
    )
    ech_timeouts: int = column(
        0,
        "Hellos with ECH and any name that timed out, at a neutral host too. The same without ECH were answered.",
        or_zero("h.ech_timeouts"),
    )
    ech_name_resets: int = column(
        0,
        "Hellos with ECH and the name that were reset, at a neutral host too. Either of the two alone was answered.",
        or_zero("h.ech_name_resets"),
    )
    ech_name_timeouts: int = column(
        0,
        "Hellos with ECH and the name that timed out, at a neutral host too. Either of the two alone was answered.",
        or_zero("h.ech_name_timeouts"),
    )


# The service works for some programs and is interfered with for others, so the state is `degraded`.

_NAME_IN_BROWSERS_HELLO = Kind(
    "tls_name_in_browsers_hello_fails",
    State.DEGRADED,
    because=(
        "The connection {fails} when this name is in a browser's client hello. The name passes in our hello, and an "
        "innocuous name passes in a browser's."
    ),
    plain=mark(
        "Web browsers cannot connect to {host}: {failure}. Other programs get through. Browsers cannot reach "
        "{service}, and other programs may."
    ),
)
_ANY_HELLO_WITH_ECH = Kind(
    "tls_any_hello_with_ech_fails",
    State.DEGRADED,
    because=(
        "The connection {fails} when its client hello carries Encrypted ClientHello, with any name and at a neutral "
        "host too. The same hello without it is answered."
    ),
    plain=mark(
        "A privacy extension that web browsers use makes connections to {host} and to an unrelated server fail: "
        "{failure}. Without the extension they pass. Browsers cannot reach {service}, and other programs may."
    ),
)
_NAME_IN_HELLO_WITH_ECH = Kind(
    "tls_name_in_hello_with_ech_fails",
    State.DEGRADED,
    because=(
        "The connection {fails} when its client hello carries this name and Encrypted ClientHello, at a neutral host "
        "too. Either of the two alone is answered."
    ),
    plain=mark(
        "Connections that name {host} fail if they use a privacy extension of web browsers, even to an unrelated "
        "server: {failure}. Browsers cannot reach {service}, and other programs may."
    ),
)
_NAME_IN_THIS_SIZE = Kind(
    "tls_name_in_hello_of_this_size_fails",
    State.DEGRADED,
    because=(
        "The connection {fails} when this name is in a client hello like ours. The same hello with another length is "
        "answered."
    ),
    plain=mark(
        "Connections that name {host} fail if their first message has a certain length: {failure}. A longer or shorter "
        "message gets an answer. Some programs cannot reach {service}, and others may."
    ),
)
_ANY_NAME_IN_THIS_SIZE = Kind(
    "tls_any_hello_of_this_size_fails",
    State.DEGRADED,
    because=(
        "The connection {fails} after a client hello like ours, with any name. The same hello with another length is "
        "answered."
    ),
    plain=mark(
        "Connections to {host} fail if their first message has a certain length: {failure}. A longer or shorter "
        "message gets an answer. Some programs cannot reach {service}, and others may."
    ),
)
_NAME_IN_THIS_MAKE = Kind(
    "tls_name_in_hello_of_this_make_fails",
    State.DEGRADED,
    because=(
        "The connection {fails} when this name is in a client hello like ours. The name in a browser's hello reaches "
        "the certificate exchange."
    ),
    plain=mark(
        "This program cannot reach {host} by name: {failure}. A browser's connection gets an answer. Browsers can "
        "reach {service}, and other programs may not."
    ),
)
_ANY_NAME_IN_THIS_MAKE = Kind(
    "tls_any_hello_of_this_make_fails",
    State.DEGRADED,
    because=(
        "The connection {fails} after a client hello like ours, with any name. The name in a browser's hello reaches "
        "the certificate exchange."
    ),
    plain=mark(
        "This program cannot reach {host} with any name: {failure}. A browser's connection gets an answer. Browsers "
        "can reach {service}, and other programs may not."
    ),
)


def _rule(kind: Kind, way: WayOfFailing, when: str, mechanism: str) -> Rule:
    return kind.rule(
        when, way=way.way, mechanism=mechanism, because={"fails": way.technical}, plain={"failure": way.plain}
    )


def _of_browsers(way: WayOfFailing) -> Rule:
    failures = f"browser_{way.columns}"
    when = f"tls_successes > 0 AND {failures} >= 2{_beyond_chance(way, failures)}"
    return _rule(_NAME_IN_BROWSERS_HELLO, way, when, way.by_name)


def _with_ech(way: WayOfFailing) -> Iterator[Rule]:
    for kind, failures, least in (
        (_ANY_HELLO_WITH_ECH, f"ech_{way.columns}", 5),
        (_NAME_IN_HELLO_WITH_ECH, f"ech_name_{way.columns}", 3),
    ):
        when = f"tls_successes > 0 AND {failures} >= {least}{_beyond_chance(way, failures)}"
        yield _rule(kind, way, when, f"tls.{way.way}.ech")


def _beyond_chance(way: WayOfFailing, failures: str) -> str:
    """Return the condition that the network does not reset so many connections at random."""
    return f" AND {failures} >= resets_needed" if way.way == "reset" else ""


def _on_the_hello(way: WayOfFailing) -> Iterator[Rule]:
    # The test helper sends our hello and succeeds, or a neutral host shows the same failure. So no server refuses us.
    not_by_server = f"(control_tls_successes > 0 OR ({way.at_neutral_host}))"
    for other, by_name, any_name in (
        ("other_size_passed > 0", _NAME_IN_THIS_SIZE, _ANY_NAME_IN_THIS_SIZE),
        ("browser_passed > 0", _NAME_IN_THIS_MAKE, _ANY_NAME_IN_THIS_MAKE),
    ):
        passes = f"{way.follows_name} AND {other}"
        yield _rule(by_name, way, f"{passes} AND {INNOCUOUS_PASSES} AND {not_by_server}", way.by_name)
        yield _rule(any_name, way, f"{passes} AND {not_by_server}", way.any_name)


BROWSER_HELLO_FAILS = (_of_browsers(TLS_RESET), _of_browsers(TLS_TIMEOUT))
HELLO_WITH_ECH_FAILS = (*_with_ech(TLS_RESET), *_with_ech(TLS_TIMEOUT))
DEPENDS_ON_HELLO = (
    *_on_the_hello(TLS_RESET),
    *_on_the_hello(TLS_TIMEOUT),
    Rule(
        "tls_server_takes_browsers_only",
        "tls_successes = 0 AND browser_passed > 0 AND control_tls_attempts > 0 AND control_tls_successes = 0",
        State.INSUFFICIENT,
        because=(
            "The server rejects client hellos like ours, from the test helper too. A browser's hello reaches the "
            "certificate exchange here."
        ),
        plain=mark(
            "The server of {service} refuses programs like this one everywhere, and accepts web browsers. Nothing can "
            "be concluded about this network."
        ),
    ),
)

OTHER_CLIENT_HELLOS = Phenomenon(
    "other_hellos",
    "A handshake depends on the shape of the client hello, or on Encrypted ClientHello in it.",
    roles=(*_HELLOS, *_ECH),
    differentials=_DIFFERENTIALS,
    address=RowPart(OtherHelloColumns, {"h": "hello_result"}, (HELLO_RESULTS,)),
    mechanisms={
        "tls.reset.ech": "The handshake is reset, depending on Encrypted ClientHello in the client hello.",
        "tls.timeout.ech": "The handshake times out, depending on Encrypted ClientHello in the client hello.",
    },
)
