"""`probe rules`: what verdicts are made of, printed from the very tables that judge."""

import sys
from collections.abc import Iterator
from typing import Annotated

from probe.cli.options import new_app, opt
from probe.cli.screen import say, wrapped

app = new_app()


@app.command()
def rules(markdown: Annotated[bool, opt("--markdown", help="Print Markdown tables.")] = False) -> None:
    """Print the rules, in the order in which they are tried, and the names of mechanisms."""
    for line in as_markdown() if markdown else as_text():
        say(sys.stdout, line)


def as_text() -> Iterator[str]:
    """The rules for a terminal of 80 columns."""
    from probe.analysis.rules.mechanisms import LEAVES
    from probe.analysis.rules.tables import RULESET, TABLES
    from probe.analysis.verdicts.validity import INVALIDITIES

    yield f"Rules {RULESET}. In each table the first rule that holds decides."
    for table, (_, entries) in TABLES.items():
        yield ""
        yield table.upper()
        for rule in entries:
            how = f" {rule.mechanism}" if rule.mechanism else ""
            yield f"  {rule.rule_id}: {rule.state}{how}"
            if rule.supersedes:
                yield wrapped(f"in the place of {', '.join(rule.supersedes)}", 4)
            yield wrapped(rule.because, 4)
            yield wrapped(f"when {rule.when}", 4)
    yield ""
    yield "VALIDITY (the state is null)"
    for reason in INVALIDITIES:
        yield f"  {reason.rule_id}: {reason.reason}"
        yield wrapped(reason.because, 4)
    yield ""
    yield "MECHANISMS (an inner node, such as tls.reset, is a complete answer too)"
    rules_of = _rules_by_mechanism()
    yield from (f"  {name}{'' if name in rules_of else '  [no rule yet]'}" for name in LEAVES)


def as_markdown() -> Iterator[str]:
    """The rules as Markdown tables, and what states and mechanisms are called by OONI."""
    from probe.analysis.rules.mechanisms import IN_ORDER, LEAVES, blocking_in_ooni
    from probe.analysis.rules.rule import IN_OONI
    from probe.analysis.rules.tables import RULESET, TABLES
    from probe.analysis.verdicts.validity import INVALIDITIES

    yield f"# Rules {RULESET}"
    for table, (_, entries) in TABLES.items():
        yield f"\n## {table}\n\n| rule | since | supersedes | state | mechanism | because | when |\n{'|---' * 7}|"
        for rule in entries:
            how, before = _code(rule.mechanism), " ".join(map(_code, rule.supersedes))
            said = f"`{rule.state}` | {how} | {rule.because} | `{rule.when}`"
            yield f"| `{rule.rule_id}` | {rule.since} | {before} | {said} |"
    yield "\n## validity\n\n| rule | reason | because |\n|---|---|---|"
    yield from (f"| `{reason.rule_id}` | `{reason.reason}` | {reason.because} |" for reason in INVALIDITIES)
    yield "\n## states\n\n| state | in OONI |\n|---|---|"
    yield from (f"| `{state}` | {word} |" for state, word in IN_OONI.items())
    yield "\n## mechanisms\n\n| mechanism | `blocking` in OONI | rules |\n|---|---|---|"
    rules_of = _rules_by_mechanism()
    for name in (node for node in IN_ORDER if node in LEAVES or node in rules_of):
        given_by = " ".join(map(_code, rules_of.get(name, ()))) or "no rule yet"
        yield f"| `{name}` | {_code(blocking_in_ooni(name) or '')} | {given_by} |"


def _code(word: str) -> str:
    return f"`{word}`" if word else ""


def _rules_by_mechanism() -> dict[str, list[str]]:
    """Node of the tree, inner ones included → the rules that name it, in the order of judging."""
    from probe.analysis.rules.tables import RULES

    found: dict[str, list[str]] = {}
    for rule in RULES.values():
        if rule.mechanism:
            found.setdefault(rule.mechanism, []).append(rule.rule_id)
    return found
