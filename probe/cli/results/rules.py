"""Provide `probe rules`, which prints the rules and mechanisms from the tables that compute verdicts."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from probe.analysis.rules.variant import VARIANT, shown_rule
from probe.cli.options import new_app, opt
from probe.cli.screen import UsageError, say, wrapped
from probe.messages import tr

if TYPE_CHECKING:
    from probe.analysis.rules.rule import Rule

app = new_app()


@app.command()
def rules(
    markdown: Annotated[bool, opt("--markdown", help="Print Markdown.")] = False,
    old: Annotated[str | None, opt("--old", help="Print the present name of a rule that an old record names.")] = None,
) -> None:
    """Print the rules in the order in which they are tried, and the names of mechanisms."""
    if old is not None:
        say(sys.stdout, present_name(old))
        return
    for line in as_markdown() if markdown else as_text():
        say(sys.stdout, line)


def present_name(old: str) -> str:
    """Return the sentence with the rule that has replaced an old id. Raise UsageError (2) for an unknown id."""
    from probe.analysis.rules.old_ids import variants_by_old_id

    if old not in variants_by_old_id():
        raise UsageError(tr("No ruleset had a rule {rule}. Look for typing errors in the id.", rule=old), 2)
    variant = variants_by_old_id()[old]
    varying = [f"{name} {variant[name]}" for name in VARIANT[1:] if variant[name]]
    return tr("{old} is now {rule}.", old=old, rule=" ".join([variant["rule_id"], *varying]))


def as_text() -> Iterator[str]:
    """Yield the lines for a terminal of 80 columns."""
    from probe.analysis.listings.listing_rules import LISTING_RULES
    from probe.analysis.ruleset.mechanisms import LEAVES, MEANINGS, RESERVED
    from probe.analysis.ruleset.tables import RULESET, TABLES
    from probe.analysis.verdicts.validity import INVALIDITIES
    from probe.signatures.device_prints import FAMILIES

    yield tr("Rules {ruleset}. In each table the first rule that holds decides.", ruleset=RULESET)
    for table, (_, entries) in TABLES.items():
        yield ""
        yield table.upper()
        for rule in entries:
            mechanism = f" {rule.mechanism}" if rule.mechanism else ""
            shown = shown_rule({name: getattr(rule, name) for name in VARIANT})
            yield wrapped(f"{shown}: {rule.state}{mechanism}", 4, "  ")
            yield from _texts(_plain(rule), rule.because, rule.when)
    yield ""
    yield "LISTING"
    for listing in LISTING_RULES:
        mechanism = f" {listing.mechanism}" if listing.mechanism else ""
        yield f"  {listing.rule_id}: {listing.state}{mechanism}"
        yield from _texts(tr(listing.plain), listing.because, listing.when)
    yield ""
    yield tr("VALIDITY (the state is null)")
    for reason in INVALIDITIES:
        yield f"  {reason.rule_id}: {reason.reason}"
        yield wrapped(reason.because, 4)
    yield ""
    yield tr("MECHANISMS (an inner node, such as tls.reset, is a complete answer too)")
    yield from (wrapped(f"{name}: {MEANINGS[name]}", 4, "  ") for name in LEAVES if name not in RESERVED)
    yield ""
    yield tr("DEVICE PRINTS (anomalies, on which no rule depends)")
    for family in FAMILIES.values():
        yield wrapped(f"{family.name}: {tr(family.title)}", 4, "  ")
        yield wrapped(tr("when: {condition}", condition=family.conditions), 4)
        yield wrapped(f"{family.source}, {family.published}", 4)


def _plain(rule: "Rule") -> str:
    """Return the sentence for users with the words that vary. Other placeholders stay."""
    sentence = tr(rule.plain)
    for name, words in rule.words:
        sentence = sentence.replace(f"{{{name}}}", tr(words))
    return sentence


def _texts(plain: str, because: str, when: str) -> Iterator[str]:
    """Yield what a rule says and when it holds."""
    yield wrapped(tr("plain: {sentence}", sentence=plain), 4)
    yield wrapped(tr("technical: {sentence}", sentence=because), 4)
    yield wrapped(tr("when: {condition}", condition=when), 4)


def as_markdown() -> Iterator[str]:
    """Yield the pages about rules and mechanisms, docs/reference/rules.md and docs/reference/mechanisms.md."""
    from probe.analysis.report.reference import mechanisms_page, rules_page

    yield from rules_page()
    yield ""
    yield from mechanisms_page()
