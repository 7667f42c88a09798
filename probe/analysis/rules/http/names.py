"""Define the rules that compare the target's name with an innocuous one in a Host header without TLS."""

from probe.analysis.rules.rule import Rule, State
from probe.messages import mark

_READABLE_NAME = "clear_text AND by_name"
_RESET = f"{_READABLE_NAME} AND http_successes = 0 AND http_resets > 0 AND name_resets >= 2 AND name_attempts >= 2"
_TIMEOUT = (
    f"{_READABLE_NAME} AND http_successes = 0 AND http_timeouts > 0 AND name_timeouts >= 2 AND name_attempts >= 2"
)
_CLOSE = f"{_READABLE_NAME} AND http_successes = 0 AND http_closes > 0 AND name_closes >= 2 AND name_attempts >= 2"
_INNOCUOUS_PASSES = "innocuous_passed > 0 AND innocuous_failed = 0"
_RESET_AT_NEUTRAL_HOST = "neutral_proven AND neutral_resets > 0"
_TIMEOUT_AT_NEUTRAL_HOST = "neutral_proven AND neutral_timeouts > 0"
_CLOSE_AT_NEUTRAL_HOST = "neutral_proven AND neutral_closes > 0"
_CONTROL = "control_successes > 0"
_CONTROL_WITHOUT_LOSS = f"{_CONTROL} AND NOT line_lossy"

HTTP_FOLLOWS_NAME = (
    Rule(
        "http_reset_of_unlisted_names",
        f"{_RESET} AND {_INNOCUOUS_PASSES} AND nonexistent_failed > 0 AND (({_RESET_AT_NEUTRAL_HOST}) OR ({_CONTROL}))",
        State.BLOCKED,
        mechanism="http.reset.host",
        because=(
            "The connection is reset when it carries this name or a non-existent one, and an innocuous name passes. "
            "Only listed names may pass."
        ),
        plain=mark(
            "Unencrypted web requests for {host} are cut off, and so are requests that name an invented host. A "
            "well-known name passes. This network lets only listed names pass, so access to {service} is blocked."
        ),
    ),
    Rule(
        "http_reset_of_all_names_but_the_hosts_own",
        f"{_RESET} AND innocuous_passed = 0 AND {_RESET_AT_NEUTRAL_HOST} AND nonexistent_neutral_failed > 0",
        State.BLOCKED,
        mechanism="http.reset.host",
        because=(
            "The connection is reset when it carries this, an innocuous or a non-existent name, at neutral hosts too. "
            "They answer to their own names. Only listed names may pass."
        ),
        plain=mark(
            "Unencrypted web requests for {host} are cut off. So are requests with any name that is not the server's "
            "own. This network lets only listed names pass, so access to {service} is blocked."
        ),
    ),
    Rule(
        "http_reset_follows_name_to_neutral_host",
        f"{_RESET} AND {_INNOCUOUS_PASSES} AND {_RESET_AT_NEUTRAL_HOST}",
        State.BLOCKED,
        mechanism="http.reset.host",
        because=(
            "The connection is reset when it carries this name, at a neutral host too, and an innocuous name passes."
        ),
        plain=mark(
            "Unencrypted web requests for {host} are cut off, even to an unrelated server. Other names pass. Access to "
            "{service} is blocked by its name."
        ),
    ),
    Rule(
        "http_reset_follows_name_at_this_address",
        f"{_RESET} AND {_INNOCUOUS_PASSES} AND neutral_proven AND neutral_passed > 0 AND neutral_resets = 0 AND "
        f"{_CONTROL}",
        State.BLOCKED,
        mechanism="http.reset.host",
        because=(
            "The connection is reset when it carries this name to this address. An innocuous name passes here, this "
            "name passes at a neutral host, and the test helper succeeds."
        ),
        plain=mark(
            "Unencrypted web requests for {host} are cut off at the server's address. Other names pass there, and this "
            "name passes to an unrelated server. Access to {service} is blocked by name and address together."
        ),
    ),
    Rule(
        "http_reset_follows_name",
        f"{_RESET} AND {_INNOCUOUS_PASSES} AND {_CONTROL}",
        State.BLOCKED,
        mechanism="http.reset.host",
        because=(
            "The connection is reset when it carries this name, an innocuous name passes, and the test helper succeeds."
        ),
        plain=mark(
            "Unencrypted web requests for {host} are cut off. Other names pass, and a test helper outside this network "
            "reaches the server. Access to {service} is blocked by its name."
        ),
    ),
    Rule(
        "http_timeout_of_unlisted_names",
        f"{_TIMEOUT} AND {_INNOCUOUS_PASSES} AND nonexistent_failed > 0 AND (({_TIMEOUT_AT_NEUTRAL_HOST}) OR "
        f"({_CONTROL_WITHOUT_LOSS}))",
        State.BLOCKED,
        mechanism="http.timeout",
        because=(
            "The connection times out when it carries this name or a non-existent one, and an innocuous name passes. "
            "Only listed names may pass."
        ),
        plain=mark(
            "Unencrypted web requests for {host} get no answer, and so do requests that name an invented host. A "
            "well-known name passes. This network lets only listed names pass, so access to {service} is blocked."
        ),
    ),
    Rule(
        "http_timeout_of_all_names_but_the_hosts_own",
        f"{_TIMEOUT} AND innocuous_passed = 0 AND {_TIMEOUT_AT_NEUTRAL_HOST} AND nonexistent_neutral_failed > 0 "
        "AND NOT line_lossy",
        State.BLOCKED,
        mechanism="http.timeout",
        because=(
            "The connection times out when it carries this, an innocuous or a non-existent name, at neutral hosts "
            "too. They answer to their own names. Only listed names may pass."
        ),
        plain=mark(
            "Unencrypted web requests for {host} get no answer. So do requests with any name that is not the server's "
            "own. This network lets only listed names pass, so access to {service} is blocked."
        ),
    ),
    Rule(
        "http_timeout_follows_name_to_neutral_host",
        f"{_TIMEOUT} AND {_INNOCUOUS_PASSES} AND {_TIMEOUT_AT_NEUTRAL_HOST}",
        State.BLOCKED,
        mechanism="http.timeout",
        because=(
            "The connection times out when it carries this name, at a neutral host too, and an innocuous name passes."
        ),
        plain=mark(
            "Unencrypted web requests for {host} get no answer, even to an unrelated server. Other names pass. Access "
            "to {service} is blocked by its name."
        ),
    ),
    Rule(
        "http_timeout_follows_name_at_this_address",
        f"{_TIMEOUT} AND {_INNOCUOUS_PASSES} AND neutral_proven AND neutral_passed > 0 AND neutral_timeouts = 0 "
        f"AND {_CONTROL_WITHOUT_LOSS}",
        State.BLOCKED,
        mechanism="http.timeout",
        because=(
            "The connection times out when it carries this name to this address. An innocuous name passes here, this "
            "name passes at a neutral host, and the test helper succeeds."
        ),
        plain=mark(
            "Unencrypted web requests for {host} get no answer at the server's address. Other names pass there, and "
            "this name passes to an unrelated server. Access to {service} is blocked by name and address together."
        ),
    ),
    Rule(
        "http_timeout_follows_name",
        f"{_TIMEOUT} AND {_INNOCUOUS_PASSES} AND {_CONTROL_WITHOUT_LOSS}",
        State.BLOCKED,
        mechanism="http.timeout",
        because=(
            "The connection times out when it carries this name, an innocuous name passes, and the test helper "
            "succeeds."
        ),
        plain=mark(
            "Unencrypted web requests for {host} get no answer. Other names pass, and a test helper outside this "
            "network reaches the server. Access to {service} is blocked by its name."
        ),
    ),
    Rule(
        "http_close_of_unlisted_names",
        f"{_CLOSE} AND {_INNOCUOUS_PASSES} AND nonexistent_failed > 0 AND (({_CLOSE_AT_NEUTRAL_HOST}) OR ({_CONTROL}))",
        State.BLOCKED,
        mechanism="http",
        because=(
            "The connection is closed when it carries this name or a non-existent one, and an innocuous name passes. "
            "Only listed names may pass."
        ),
        plain=mark(
            "Unencrypted web requests for {host} are closed early, and so are requests that name an invented host. A "
            "well-known name passes. This network lets only listed names pass, so access to {service} is blocked."
        ),
    ),
    Rule(
        "http_close_of_all_names_but_the_hosts_own",
        f"{_CLOSE} AND innocuous_passed = 0 AND {_CLOSE_AT_NEUTRAL_HOST} AND nonexistent_neutral_failed > 0",
        State.BLOCKED,
        mechanism="http",
        because=(
            "The connection is closed when it carries this, an innocuous or a non-existent name, at neutral hosts "
            "too. They answer to their own names. Only listed names may pass."
        ),
        plain=mark(
            "Unencrypted web requests for {host} are closed early. So are requests with any name that is not the "
            "server's own. This network lets only listed names pass, so access to {service} is blocked."
        ),
    ),
    Rule(
        "http_close_follows_name_to_neutral_host",
        f"{_CLOSE} AND {_INNOCUOUS_PASSES} AND {_CLOSE_AT_NEUTRAL_HOST}",
        State.BLOCKED,
        mechanism="http",
        because=(
            "The connection is closed when it carries this name, at a neutral host too, and an innocuous name passes."
        ),
        plain=mark(
            "Unencrypted web requests for {host} are closed early, even to an unrelated server. Other names pass. "
            "Access to {service} is blocked by its name."
        ),
    ),
    Rule(
        "http_close_follows_name_at_this_address",
        f"{_CLOSE} AND {_INNOCUOUS_PASSES} AND neutral_proven AND neutral_passed > 0 AND neutral_closes = 0 AND "
        f"{_CONTROL}",
        State.BLOCKED,
        mechanism="http",
        because=(
            "The connection is closed when it carries this name to this address. An innocuous name passes here, this "
            "name passes at a neutral host, and the test helper succeeds."
        ),
        plain=mark(
            "Unencrypted web requests for {host} are closed early at the server's address. Other names pass there, and "
            "this name passes to an unrelated server. Access to {service} is blocked by name and address together."
        ),
    ),
    Rule(
        "http_close_follows_name",
        f"{_CLOSE} AND {_INNOCUOUS_PASSES} AND {_CONTROL}",
        State.BLOCKED,
        mechanism="http",
        because=(
            "The connection is closed when it carries this name, an innocuous name passes, and the test helper "
            "succeeds."
        ),
        plain=mark(
            "Unencrypted web requests for {host} are closed early. Other names pass, and a test helper outside this "
            "network reaches the server. Access to {service} is blocked by its name."
        ),
    ),
)
