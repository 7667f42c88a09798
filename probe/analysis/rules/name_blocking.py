"""Define the rules that compare the target's name with an innocuous one, in TLS, QUIC and HTTP without TLS."""

from collections.abc import Iterable, Iterator

from probe.analysis.rules.layer import HTTP
from probe.analysis.rules.rule import Kind, Rule, State
from probe.analysis.rules.ways_of_failing import HTTP_WAYS, QUIC_WAYS, TLS_WAYS, WayOfFailing
from probe.messages import mark

INNOCUOUS_PASSES = "innocuous_passed > 0 AND innocuous_failed = 0"

UNLISTED_NAMES = Kind(
    "unlisted_names_fail",
    State.BLOCKED,
    because=(
        "The connection {fails} when it carries this name or a non-existent one, and an innocuous name passes. Only "
        "listed names may pass."
    ),
    plain=mark(
        "Attempts to reach {host} by name fail here: {failure}. Attempts with an invented name fail too, and a "
        "well-known name passes. This network lets only listed names pass, so access to {service} is blocked."
    ),
)
ALL_NAMES_BUT_THE_HOSTS_OWN = Kind(
    "all_names_but_the_hosts_own_fail",
    State.BLOCKED,
    because=(
        "The connection {fails} when it carries this, an innocuous or a non-existent name, at neutral hosts too. They "
        "answer to their own names. Only listed names may pass."
    ),
    plain=mark(
        "Attempts to reach {host} by name fail here: {failure}. Attempts with any name that is not the server's "
        "own fail too. This network lets only listed names pass, so access to {service} is blocked."
    ),
)
TO_NEUTRAL_HOST = Kind(
    "failure_follows_name_to_neutral_host",
    State.BLOCKED,
    because="The connection {fails} when it carries this name, at a neutral host too, and an innocuous name passes.",
    plain=mark(
        "Attempts to reach {host} by name fail here, even at an unrelated server: {failure}. Other names pass. "
        "Access to {service} is blocked by its name."
    ),
)
AT_THIS_ADDRESS = Kind(
    "failure_follows_name_at_this_address",
    State.BLOCKED,
    because=(
        "The connection {fails} when it carries this name to this address. An innocuous name passes here, this name "
        "passes at a neutral host, and the test helper succeeds."
    ),
    plain=mark(
        "Attempts to reach {host} by name fail here: {failure}. Other names pass at the server's address, and this "
        "name passes to an unrelated server. Access to {service} is blocked by name and address together."
    ),
)
FOLLOWS_NAME = Kind(
    "failure_follows_name",
    State.BLOCKED,
    because="The connection {fails} when it carries this name, an innocuous name passes, and the test helper succeeds.",
    plain=mark(
        "Attempts to reach {host} by name fail here: {failure}. Other names pass, and a test helper outside this "
        "network reaches the server. Access to {service} is blocked by its name."
    ),
)
AGAIN_FOR_ANY_NAME = Kind(
    "fails_again_for_any_name",
    State.LIKELY_BLOCKED,
    because=(
        "The connection {fails} here, and failed again, with an innocuous name too, and the test helper succeeds."
    ),
    plain=mark(
        "Attempts to reach {host} fail here, with an unrelated name too: {failure}. A test helper outside this network "
        "reaches the server. Access to {service} is probably blocked."
    ),
)
HERE_AGAIN = Kind(
    "fails_here_again",
    State.LIKELY_BLOCKED,
    because="The connection {fails} here, and failed again, and the test helper succeeds.",
    plain=mark(
        "Attempts to reach {host} fail here, more than once: {failure}. A test helper outside this network reaches the "
        "server. Access to {service} is probably blocked."
    ),
)


def _follow_name(ways: Iterable[WayOfFailing]) -> Iterator[Rule]:
    for way in ways:
        passes = f"{way.follows_name} AND {INNOCUOUS_PASSES}"
        lossless = " AND NOT line_lossy" if way.way == "timeout" else ""
        for kind, when in (
            (
                UNLISTED_NAMES,
                f"{passes} AND nonexistent_failed > 0 AND (({way.at_neutral_host}) OR ({way.controlled}))",
            ),
            (
                ALL_NAMES_BUT_THE_HOSTS_OWN,
                f"{way.follows_name} AND innocuous_passed = 0 AND {way.at_neutral_host} AND "
                f"nonexistent_neutral_failed > 0{lossless}",
            ),
            (TO_NEUTRAL_HOST, f"{passes} AND {way.at_neutral_host}"),
            (
                AT_THIS_ADDRESS,
                f"{passes} AND neutral_proven AND neutral_passed > 0 AND neutral_{way.columns} = 0 AND "
                f"{way.controlled}",
            ),
            (FOLLOWS_NAME, f"{passes} AND {way.controlled}"),
        ):
            yield kind.rule(
                when,
                layer=way.layer.name,
                way=way.way,
                mechanism=way.by_name,
                because={"fails": way.technical},
                plain={"failure": way.by_name_clause},
            )


def _fail_again(ways: Iterable[WayOfFailing]) -> Iterator[Rule]:
    for way in ways:
        # Over QUIC a device sees no request. If the next handshake gets no answer either, UDP may have failed as a
        # whole.
        over_tcp = way.layer is HTTP and way.way == "timeout"
        again = f"{way.happened} AND name_failures >= 2 AND {way.layer.controlled}" + (
            " AND (quic_attempts = 0 OR http_timeouts >= 2)" if over_tcp else ""
        )
        for kind, when, mechanism in (
            (AGAIN_FOR_ANY_NAME, f"{again} AND innocuous_failed > 0", way.any_name),
            (HERE_AGAIN, again, way.mechanism),
        ):
            yield kind.rule(
                when,
                layer=way.layer.name,
                way=way.way,
                mechanism=mechanism,
                because={"fails": way.technical},
                plain={"failure": way.plain},
            )


TLS_FOLLOWS_NAME, TLS_FAILS_AGAIN = tuple(_follow_name(TLS_WAYS)), tuple(_fail_again(TLS_WAYS))
QUIC_FOLLOWS_NAME, QUIC_FAILS_AGAIN = tuple(_follow_name(QUIC_WAYS)), tuple(_fail_again(QUIC_WAYS))
HTTP_FOLLOWS_NAME, HTTP_FAILS_AGAIN = tuple(_follow_name(HTTP_WAYS)), tuple(_fail_again(HTTP_WAYS))

ONLY_LISTED_NAMES = tuple(
    rule
    for rule in (*TLS_FOLLOWS_NAME, *HTTP_FOLLOWS_NAME)
    if rule.rule_id in {UNLISTED_NAMES.rule_id, ALL_NAMES_BUT_THE_HOSTS_OWN.rule_id}
)
"""Rules by which only listed names pass. QUIC is left out, since a list for QUIC alone leaves the web as it is."""
