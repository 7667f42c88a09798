"""The rules that compare a name with a harmless one; the same for a TLS hello and for a Host header in the clear."""

from dataclasses import dataclass

from probe.analysis.rules.rule import Rule, State


@dataclass(frozen=True)
class Way:
    """One way to die: the columns' suffix, the verb of the rule ids, words, and what it is called by depth."""

    columns: str
    verb: str
    words: str
    by_name: str
    for_all: str
    unclear: str


def controls(layer: str) -> str:
    """The prefix of the columns that count the control's attempts telling of a layer."""
    return f"control_{layer}" if layer in {"tcp", "tls"} else "control"


def follows_name(layer: str, way: Way) -> tuple[Rule, ...]:
    """The rules that accuse by name: at a neutral host too, at this address alone, by a good control; list or no list.

    All want two failures of one kind, and an innocuous flow to the same place that got through; without that one, a
    neutral host at which every name dies but its own.
    """
    died = f"{layer}_successes = 0 AND {layer}_{way.columns} > 0 AND name_{way.columns} >= 2 AND name_attempts >= 2"
    same = f"{died} AND innocuous_passed > 0 AND innocuous_failed = 0"
    sure = " AND NOT line_lossy" if way.columns == "timeouts" else ""
    everywhere = f"neutral_proven AND neutral_{way.columns} > 0"
    control = f"{controls(layer)}_successes > 0{sure}"

    def rule(suffix: str, when: str, because: str) -> Rule:
        return Rule(f"{layer}_{way.verb}_{suffix}", when, State.BLOCKED, because, way.by_name)

    return (
        rule(
            "of_unlisted_names",
            f"{same} AND nonexistent_failed > 0 AND (({everywhere}) OR ({control}))",
            f"The connection {way.words} when it carries this name, or one that nobody has; a well-known one passes: "
            "only what is on a list may pass.",
        ),
        rule(
            "of_all_names_but_the_hosts_own",
            f"{died} AND innocuous_passed = 0 AND {everywhere} AND nonexistent_neutral_failed > 0{sure}",
            f"The connection {way.words} when it carries this name, a harmless one or one that nobody has, at neutral "
            "hosts too, which answer to their own: only what is on a list may pass.",
        ),
        rule(
            "follows_name_to_neutral_host",
            f"{same} AND {everywhere}",
            f"The connection {way.words} when it carries this name, at a neutral host too; a harmless one passes.",
        ),
        rule(
            "follows_name_at_this_address",
            f"{same} AND neutral_proven AND neutral_passed > 0 AND neutral_{way.columns} = 0 AND {control}",
            f"The connection {way.words} when it carries this name to this address; a harmless one passes here, the "
            "name passes at a neutral host, and the helper succeeds: name and address together.",
        ),
        rule(
            "follows_name",
            f"{same} AND {control}",
            f"The connection {way.words} when it carries this name; a harmless one passes, and the helper succeeds.",
        ),
    )


def fails_here(layer: str, way: Way) -> tuple[Rule, Rule]:
    """Two rules for what fails here, twice or at two addresses, and not at the control, without a telling differential.

    An attempt that worked at another address confirms no failure.
    """
    helper_succeeds = f"{controls(layer)}_successes > 0"
    here = f"{layer}_successes = 0 AND {layer}_{way.columns} > 0 AND name_failures >= 2 AND {helper_succeeds}"
    return (
        Rule(
            f"{layer}_{way.verb}_again_for_any_name",
            f"{here} AND innocuous_failed > 0",
            State.LIKELY_BLOCKED,
            f"The connection {way.words} here, and failed again, whatever name it carries; the test helper succeeds.",
            way.for_all,
            supersedes=(f"{layer}_{way.verb}_for_any_name",),
        ),
        Rule(
            f"{layer}_{way.verb}_here_again",
            here,
            State.LIKELY_BLOCKED,
            f"The connection {way.words} here, and failed again; the test helper succeeds.",
            way.unclear,
            supersedes=(f"{layer}_{way.verb}_here",),
        ),
    )


def opening(layer: str, words: str, *, ids: str = "") -> tuple[Rule, ...]:
    """The rules that every layer begins with once it has not succeeded: was it tried, and to its end?

    `ids`: what the rules are called after, where one layer has several tables.
    """
    name = ids or layer
    return (
        Rule(
            f"{name}_local_fault",
            f"local_faults > 0 AND {layer}_attempts = 0",
            State.INSUFFICIENT,
            f"Interrupted, or a fault of our own, before {words} could be tried.",
        ),
        Rule(
            f"{name}_not_reached",
            f"{layer}_attempts = 0",
            State.INSUFFICIENT,
            f"Nothing got as far as {words}: an earlier step failed, or it was never asked for.",
        ),
        Rule(
            f"{name}_interrupted",
            f"interrupted AND {layer}_attempts < 2",
            State.INSUFFICIENT,
            f"The run was interrupted before a failure of {words} could be confirmed.",
        ),
    )


def down(layer: str, words: str) -> Rule:
    """It fails for everybody."""
    return Rule(
        f"{layer}_fails_everywhere",
        f"{layer}_successes = 0 AND {controls(layer)}_attempts > 0 AND {controls(layer)}_successes = 0",
        State.DOWN,
        f"{words} fails here, and from the test helper too.",
    )


def closing(layer: str, words: str, *, ids: str = "") -> tuple[Rule, ...]:
    """The rules that every layer ends with: a failure that is not explained, and what no rule covers."""
    name = ids or layer
    return (
        Rule(
            f"{name}_unconfirmed",
            f"{layer}_failure IS NOT NULL AND {controls(layer)}_successes > 0",
            State.IMPAIRED,
            f"{words} failed here and not at the test helper, but too seldom or too differently to say more.",
        ),
        Rule(
            f"{name}_no_control",
            f"{layer}_failure IS NOT NULL",
            State.IMPAIRED,
            f"{words} fails here, and nobody outside tried the same endpoint.",
        ),
        Rule(f"{name}_undecided", "TRUE", State.INSUFFICIENT, f"No rule covers what was seen of {words}."),
    )
