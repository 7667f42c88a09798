"""Provide `probe rules`, which prints the rules and mechanisms from the tables that compute verdicts."""

import sys
from collections.abc import Iterator
from typing import Annotated

from probe.cli.options import new_app, opt
from probe.cli.screen import say, wrapped
from probe.messages import listed, tr

app = new_app()


@app.command()
def rules(markdown: Annotated[bool, opt("--markdown", help="Print Markdown.")] = False) -> None:
    """Print the rules in the order in which they are tried, and the names of mechanisms."""
    for line in as_markdown() if markdown else as_text():
        say(sys.stdout, line)


def as_text() -> Iterator[str]:
    """Yield the lines for a terminal of 80 columns."""
    from probe.analysis.listings.rules import LISTING_RULES
    from probe.analysis.rules.mechanisms import LEAVES, MEANINGS, RESERVED
    from probe.analysis.rules.tables import RULESET, TABLES
    from probe.analysis.verdicts.validity import INVALIDITIES
    from probe.signatures.device_prints import FAMILIES

    yield tr("Rules {ruleset}. In each table the first rule that holds decides.", ruleset=RULESET)
    for table, (_, entries) in TABLES.items():
        yield ""
        yield table.upper()
        for rule in entries:
            mechanism = f" {rule.mechanism}" if rule.mechanism else ""
            yield f"  {rule.rule_id}: {rule.state}{mechanism}"
            if rule.supersedes:
                yield wrapped(tr("in the place of {rules}", rules=listed(rule.supersedes)), 4)
            yield from _texts(rule.plain, rule.because, rule.when)
    yield ""
    yield "LISTING"
    for listing in LISTING_RULES:
        mechanism = f" {listing.mechanism}" if listing.mechanism else ""
        yield f"  {listing.rule_id}: {listing.state}{mechanism}"
        yield from _texts(listing.plain, listing.because, listing.when)
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


def _texts(plain: str, because: str, when: str) -> Iterator[str]:
    """Yield what a rule says and when it holds."""
    yield wrapped(tr("plain: {sentence}", sentence=tr(plain)), 4)
    yield wrapped(tr("technical: {sentence}", sentence=because), 4)
    yield wrapped(tr("when: {condition}", condition=when), 4)


def as_markdown() -> Iterator[str]:
    """Yield the pages about rules and mechanisms, docs/reference/rules.md and docs/reference/mechanisms.md."""
    from probe.analysis.report.reference import mechanisms_page, rules_page

    yield from rules_page()
    yield ""
    yield from mechanisms_page()
