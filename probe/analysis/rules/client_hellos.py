"""The rules about how a name is said: it dies in our hello and passes in a browser's, or at another length."""

from probe.analysis.rules.name_differential import Way
from probe.analysis.rules.rule import Rule, State

_SIZE = "in one like it, but longer or shorter, it is answered"
_BROWSER = "in a browser's it comes to its certificate: browsers reach the service, and other programs may not"


def _died(way: Way) -> str:
    return f"tls_successes = 0 AND tls_{way.columns} > 0 AND name_{way.columns} >= 2 AND name_attempts >= 2"


def depends_on_hello(way: Way) -> tuple[Rule, ...]:
    """The rules for one way to die; by the name where a harmless one passes in the same hello, else whatever it is.

    It is `degraded`: the service works for some programs and is interfered with for others. That it is not the server
    who turns programs away shows the helper, whose hello is ours, or a neutral host at which the name dies too.
    """
    not_the_server = f"(control_tls_successes > 0 OR (neutral_proven AND neutral_{way.columns} > 0))"
    of_name = "innocuous_passed > 0 AND innocuous_failed = 0"

    def rule(suffix: str, when: str, because: str, mechanism: str) -> Rule:
        condition = f"{_died(way)} AND {when} AND {not_the_server}"
        return Rule(f"tls_{way.verb}_{suffix}", condition, State.DEGRADED, because, mechanism)

    def pair(kind: str, passed: str, otherwise: str) -> tuple[Rule, Rule]:
        ours = f"The connection {way.words} when it carries this name in a hello like ours"
        anybodys = f"The connection {way.words} after a hello like ours, whatever name is in it"
        return (
            rule(f"of_name_in_hello_of_this_{kind}", f"{passed} AND {of_name}", f"{ours}; {otherwise}.", way.by_name),
            rule(f"of_any_hello_of_this_{kind}", passed, f"{anybodys}; {otherwise}.", way.for_all),
        )

    return (*pair("size", "other_size_passed > 0", _SIZE), *pair("make", "browser_passed > 0", _BROWSER))


def turned_away() -> Rule:
    """A server with a list of programs: websites that fear robots have one. It tells nothing of the network."""
    return Rule(
        "tls_server_takes_browsers_only",
        "tls_successes = 0 AND browser_passed > 0 AND control_tls_attempts > 0 AND control_tls_successes = 0",
        State.INSUFFICIENT,
        "The server turns hellos like ours away, from the test helper too; a browser's comes to its certificate here.",
    )


def browsers_only(way: Way) -> Rule:
    """The other way round: browsers are shut out, and programs like ours are not."""
    return Rule(
        f"tls_{way.verb}_of_name_in_browsers_hello",
        f"tls_successes > 0 AND browser_{way.columns} >= 2",
        State.DEGRADED,
        f"The connection {way.words} when it carries this name in a browser's hello; in ours the name passes, and in a "
        "browser's a harmless one: browsers do not reach the service, and other programs may.",
        way.by_name,
    )
