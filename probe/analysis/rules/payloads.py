"""The rules about what runs over the connection: HTTP, and the messengers' own protocols."""

from probe.analysis.rules.name_differential import Way, closing, down, fails_here, follows_name, opening
from probe.analysis.rules.rule import Rule, State

_RESET = Way("resets", "reset", "is reset", "http.reset.host", "http.reset", "http.reset")
_TIMEOUT = Way("timeouts", "timeout", "falls silent", "http.timeout", "http.timeout", "http.timeout")
_CLOSE = Way("closes", "close", "is closed", "http", "http", "http")


def _in_the_clear(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """The same rules, for names that travel in the clear only: inside TLS nobody on the path can read them."""
    return tuple(
        Rule(rule.rule_id, f"clear_text AND by_name AND {rule.when}", rule.state, rule.because, rule.mechanism)
        for rule in rules
    )


def _forged(rule_id: str, column: str, words: str, mechanism: str) -> Rule:
    return Rule(
        rule_id,
        f"clear_text AND by_name AND {column} > 0 AND http_successes > 0 AND control_successes > 0",
        State.BLOCKED,
        f"A neutral host that is asked for the name {words} too, and the test helper is answered otherwise.",
        mechanism,
    )


HTTP_RULES = (
    _forged("http_redirect_is_elsewhere_too", "http_redirects_elsewhere", "points to the same place", "http.redirect"),
    _forged("http_page_is_elsewhere_too", "http_pages_elsewhere", "gives this very page", "http.blockpage"),
    Rule("http_answers", "successes > 0", State.OK, "The server answers, and is proven to be the service's own."),
    *opening("http", "HTTP"),
    Rule(
        "http_shows_blockpage",
        "successes = 0 AND clear_text AND http_blockpages > 0 AND control_http_blockpages = 0",
        State.BLOCKED,
        "A known block page is shown in the service's place.",
        "http.blockpage",
    ),
    *_in_the_clear(follows_name("http", _RESET)),
    *_in_the_clear(follows_name("http", _TIMEOUT)),
    *_in_the_clear(follows_name("http", _CLOSE)),
    Rule(
        "http_fails_everywhere",
        "successes = 0 AND control_attempts > 0 AND control_successes = 0",
        State.DOWN,
        "HTTP fails here, and from the test helper too.",
    ),
    Rule(
        "http_redirected_here",
        "successes = 0 AND clear_text AND http_redirects > 0 AND control_successes > 0",
        State.LIKELY_BLOCKED,
        "Only here does the answer point to another domain.",
        "http.redirect",
    ),
    *fails_here("http", _RESET),
    *fails_here("http", _TIMEOUT),
    *fails_here("http", _CLOSE),
    Rule(
        "http_redirected",
        "http_redirects > 0",
        State.IMPAIRED,
        "The answer points to another domain, and nobody outside looked whether it does so everywhere.",
    ),
    *closing("http", "HTTP"),
)

_TWICE = "payload_successes = 0 AND payload_attempts >= 2 AND control_successes > 0"


def _twin(verb: str, columns: str, words: str, mechanism: str) -> Rule:
    return Rule(
        f"payload_{verb}_twin_passes",
        f"{_TWICE} AND {columns} >= 2 AND twin_passed > 0",
        State.BLOCKED,
        f"The service's own protocol {words} here, another one at the same address and port is answered, "
        "and the test helper succeeds.",
        mechanism,
    )


PAYLOAD_RULES = (
    Rule(
        "payload_answered",
        "payload_successes > 0",
        State.OK,
        "The server answers the service's own protocol as only it can.",
    ),
    *opening("payload", "the service's own protocol"),
    _twin("reset", "payload_resets", "is reset", "protocol.reset"),
    _twin("drop", "payload_timeouts", "draws silence", "protocol.drop"),
    Rule(
        "payload_drop_of_unlisted_protocols",
        f"{_TWICE} AND payload_timeouts >= 2 AND random_silent > 0 AND random_answered = 0 AND NOT line_lossy",
        State.BLOCKED,
        "The service's own protocol draws silence here, and so do bytes of no protocol at a neutral host whose TLS is "
        "answered; the test helper succeeds: only protocols on a list may pass.",
        "protocol.drop",
    ),
    down("payload", "The service's own protocol"),
    Rule(
        "payload_fails_here",
        _TWICE,
        State.LIKELY_BLOCKED,
        "The connection is made, and the service's own protocol fails on it here; the test helper succeeds.",
        "protocol",
    ),
    *closing("payload", "The service's own protocol"),
)
