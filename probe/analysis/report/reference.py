"""Make the reference pages about rules, mechanisms, features and the pipeline from the code.

`make reference` writes the pages that are stored in the repository. `docs/mkdocs/built_pages.py` adds the others to the
site.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import get_args

from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.features.rows import WideRow
from probe.analysis.listings.listing_rules import LISTING_RULES, ListingRow, ListingRule
from probe.analysis.phenomena import in_order
from probe.analysis.pipeline.app_tables import APP_STATEMENTS
from probe.analysis.pipeline.filling import filled
from probe.analysis.pipeline.input_tables import INPUTS
from probe.analysis.pipeline.rule_facts import CONSTANTS
from probe.analysis.pipeline.run_tables import REGIME_STATEMENTS
from probe.analysis.pipeline.steps import STATEMENTS, STEPS
from probe.analysis.rules.regime_rules import REGIME_MEANINGS
from probe.analysis.rules.rule import IN_OONI, Rule
from probe.analysis.ruleset.mechanisms import IN_ORDER, MEANINGS, RESERVED, blocking_in_ooni
from probe.analysis.ruleset.tables import KINDS, RULES, RULESET, TABLES
from probe.analysis.sql.statement import InputTable
from probe.analysis.verdicts.validity import INVALIDITIES
from probe.signatures.device_prints import FAMILIES
from probe.signatures.evidence_age import LIMITS


def pipeline_page() -> Iterator[str]:
    """Yield the Markdown lines of the page about the pipeline's tables."""
    yield "# Tables of the pipeline\n"
    yield "Verdicts are computed by a list of SQL statements. Each makes one table from tables above it."
    yield "Python fills the first tables. `m` numbers the measurements that are judged together."
    yield "`probe sql --measurement FILE:LINE` shows each table for one measurement."
    yield "[From measurement to verdict](../concepts/judge.md) follows a measurement through them."
    yield "\n## Input tables\n\nPython fills these tables when it flattens measurements."
    for table in INPUTS:
        yield from _input(table)
    yield "\n## Tables about rules\n\nThese tables are the same for all measurements."
    for table, _ in CONSTANTS:
        yield from _input(table)
    columns = columns_made()
    for name, meaning, statements in STEPS:
        yield f"\n## Step `{name}`\n\n{meaning}\n\n| table | meaning | key | further columns |\n|---|---|---|---|"
        for each in statements:
            others = [column for column in columns[each.name] if column not in each.key]
            yield f"| `{each.name}` | {each.meaning} | {_listed(each.key)} | {_listed(others)} |"


def _input(table: InputTable) -> Iterator[str]:
    yield f"\n### `{table.name}`\n\n{table.meaning}\n\n| column | type | meaning |\n|---|---|---|"
    yield from (f"| `{name}` | {kind} | {meaning} |" for name, (kind, meaning) in table.columns.items())


def columns_made() -> dict[str, list[str]]:
    """Return the columns of each table that SQL makes, from a batch without measurements."""
    with SQLiteEngine() as engine:
        engine.fill(filled([]))
        for statement in STATEMENTS:
            engine.run(statement)
        return {
            each.name: [name for (name,) in engine.rows(f"SELECT name FROM pragma_table_info('{each.name}')")]
            for each in STATEMENTS
        }


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


FOLDER = Path(__file__).parents[3] / "docs" / "reference"
STORED = ("rules.md", "mechanisms.md")
ABOUT_TABLE = {
    "name": "Resolution of an endpoint's host name.",
    "address": "Whether an address can be judged. Every endpoint passes this table first.",
    "tcp": "TCP connect.",
    "tls": "TLS handshake over TCP.",
    "quic": "QUIC handshake.",
    "http": "HTTP request over TCP, TLS or QUIC.",
    "payload": "The messengers' own protocols, MTProto and Noise.",
    "stun": "STUN over UDP, TCP and TLS.",
    "turn": "TURN over UDP, TCP and TLS.",
    "reflector": "Telegram's call relays over UDP and TCP.",
    "dtls": "The beginning of a DTLS handshake.",
    "sip": "SIP over UDP, TCP and TLS.",
    "resolver": "Resolvers that are targets themselves, over UDP, TCP, TLS and HTTPS.",
    "mail": "SMTP and IMAP.",
    "endpoint": "One endpoint, from its name and its addresses.",
    "service": "One service, from its endpoints.",
    "need": "One need of an app, such as messages or calls, from the verdicts of the services that serve it.",
    "app": "One app, from its needs.",
    "regime": "One regime of the network, from all measurements of a run. `candidate` is the regime in question.",
}
TABLE_OF_ROW = {
    "NameRow": "name_row",
    "AddressRow": "address_row",
    "EndpointRow": "endpoint_row",
    "ServiceRow": "service_row",
    "NeedRow": "need_row",
    "AppRow": "app_row",
    "RegimeRow": "regime_row",
}


def pages() -> dict[str, str]:
    """Return the text of each page by its file name."""
    made = {
        "rules.md": rules_page(),
        "mechanisms.md": mechanisms_page(),
        "features.md": features_page(),
        "pipeline.md": pipeline_page(),
    }
    return {name: "\n".join(lines) + "\n" for name, lines in made.items()}


def rules_page() -> Iterator[str]:
    """Yield the Markdown lines of the page about rules."""
    yield f"# Rules {RULESET}\n"
    yield (
        "A rule is a condition and the kind of evidence that it shows. The verdict record names the kind as `rule_id`,"
        " and what\nvaries within the kind as `layer`, `way` (how it failed) and `forged` (what was forged)."
        " A condition is SQL over the columns"
        " that the page\n[Features](index.md#features) explains."
        " `probe rules` prints each rule with its own sentences."
    )
    for table, (row, rules) in TABLES.items():
        yield f"\n## Table `{table}`\n\n{ABOUT_TABLE[table]} The conditions read `{row.__name__}`."
        if table == "regime":
            yield from _regimes()
        yield "The first rule whose condition holds decides.\n"
        yield "| kind | varies | state | mechanism | condition |\n|---|---|---|---|---|"
        yield from map(_row, rules)
    yield "\n## Kinds\n\nEach kind has a sentence for users and a technical one, which is `because` in the record."
    for kind, rules in KINDS.items():
        yield from _kind(kind, rules)
    yield from _listing_rules()
    yield from _ages()
    yield from _prints()
    yield "\n## Validity\n\nThe first reason that holds makes a measurement invalid. Its services then have no state.\n"
    yield "| rule | reason | because |\n|---|---|---|"
    yield from (f"| `{each.rule_id}` | `{each.reason}` | {each.because} |" for each in INVALIDITIES)


def _regimes() -> Iterator[str]:
    yield "\nSeveral regimes can hold. The first one below is the main regime of a run. The others are restrictions."
    for regime, meaning in REGIME_MEANINGS.items():
        yield f"\n**`{regime}`.** Measured: {meaning.measured} Excluded: {meaning.excluded}"
        yield f"What it does not mean: {meaning.not_meant}"


def _listing_rules() -> Iterator[str]:
    """Yield the section about app stores."""
    yield "\n## Table `listing`\n"
    yield "What an app store says about one app in one country ([App stores](../stores.md)). The conditions read"
    yield "`ListingRow`. The states are no verdicts, and none accuses a network."
    for rule in LISTING_RULES:
        mechanism = f", mechanism `{rule.mechanism}`" if rule.mechanism else ""
        yield f"\n### `{rule.rule_id}`\n\nState `{rule.state}`{mechanism}.\n"
        yield _texts(rule.plain, rule.because, rule.when)


def _texts(plain: str, because: str, when: str) -> str:
    return f"For users:\n\n> {plain}\n\nTechnical:\n\n> {because}\n\n```sql\n{when}\n```"


def _ages() -> Iterator[str]:
    """Yield the section about the age of evidence."""
    yield "\n## Age of evidence\n"
    yield "A server may go down, or come back, between two attempts. Evidence for an accusation must be near in time to"
    yield "the failure here. Evidence against an accusation has no limit. An unknown age counts as near, since older"
    yield "measurements have none.\n"
    yield "| evidence | limit in seconds | counted | beyond |\n|---|---|---|---|"
    yield from (f"| {each.evidence} | {each.seconds:g} | {each.counted} | {each.beyond} |" for each in LIMITS)


def _prints() -> Iterator[str]:
    """Yield the section about the families of devices whose resets are recognised."""
    yield "\n## Device prints\n"
    yield "These names stand among the `anomalies` of a verdict record. The resets look like those of the family. This"
    yield "proves nothing about who operates the device, and no rule reads it. [Device prints](../design/prints.md) has"
    yield "the reasons.\n"
    yield "| anomaly | family | conditions | source | published | read |\n|---|---|---|---|---|---|"
    for each in FAMILIES.values():
        read = f"{each.source} | {each.published} | {each.opened}"
        yield f"| `{each.name}` | {each.title} | {each.conditions} | {read} |"


def _row(rule: Rule) -> str:
    """Return the table's row of a rule."""
    varying = [] if rule.key == rule.rule_id else [rule.way, rule.forged]
    mechanism = _codes([rule.mechanism])
    return f"| [`{rule.rule_id}`](#{rule.rule_id}) | {_codes(varying)} | `{rule.state}` | {mechanism} | `{rule.when}` |"


def _kind(kind: str, rules: tuple[Rule, ...]) -> Iterator[str]:
    """Yield the section about a kind: its sentences, and the words that vary."""
    first = rules[0]
    deferred = " The record shows the rule and the texts of the part that decides." if first.defers else ""
    layers = _codes(tuple(dict.fromkeys(rule.layer for rule in rules)), ", ")
    of_layers = f", layers {layers}" if layers else ""
    yield f"\n### `{kind}`\n\nState `{first.state}`{of_layers}. Since {first.since}.{deferred}\n"
    yield f"> {first.plain}\n"
    words = dict.fromkeys(word for rule in rules for word in rule.words)
    yield from (f"- `{{{name}}}`: {text}" for name, text in words)
    yield f"{chr(10) if words else ''}Technical{f' (`{first.key}`)' if len(rules) > 1 else ''}: {first.because}"


def mechanisms_page() -> Iterator[str]:
    """Yield the Markdown lines of the page about mechanisms and states. Reserved mechanisms are left out."""
    yield "# Mechanisms and states\n"
    yield (
        "A mechanism names how interference showed, as `<layer>.<action>.<qualifier>`. A name without a qualifier is a"
        " complete answer."
    )
    yield "\n## Mechanisms\n\n| mechanism | meaning | `blocking` in OONI | rules |\n|---|---|---|---|"
    rules_of = rules_by_mechanism()
    for name in IN_ORDER:
        if name in rules_of:
            links = " ".join(f"[`{rule_id}`](rules.md#{rule_id})" for rule_id in rules_of[name])
            yield f"| `{name}` | {_meaning(name)} | {_codes([blocking_in_ooni(name) or ''])} | {links} |"
    yield from _phenomena()
    yield "\n## States\n\n| state | in OONI |\n|---|---|"
    yield from (f"| `{state}` | {word} |" for state, word in IN_OONI.items())


def _phenomena() -> Iterator[str]:
    """Yield the section about the phenomena: what each adds to the rows, the rules and the tree."""
    yield "\n## Phenomena\n\nOne module of `probe/analysis/phenomena` defines each phenomenon.\n"
    yield "| phenomenon | what is seen | columns | tables | mechanisms |\n|---|---|---|---|---|"
    for each in in_order():
        parts = [part for part in (each.address, each.service) if part is not None]
        columns = [column.name for part in parts for column in fields(part.columns)]
        tables = [statement.name for part in parts for statement in part.statements]
        cells = (_codes(names, ", ") for names in (columns, tables, list(each.mechanisms)))
        yield f"| `{each.name}` | {each.about} | {' | '.join(cells)} |"


def _meaning(name: str) -> str:
    """Return the meaning of a leaf, or the leaves below an inner node that are not reserved."""
    below = [leaf.removeprefix(f"{name}.") for leaf in MEANINGS if leaf.startswith(f"{name}.") and leaf not in RESERVED]
    return MEANINGS.get(name) or f"Interference of which more is not known ({_codes(below, ', ')})."


def features_page() -> Iterator[str]:
    """Yield the Markdown lines of the page about the columns that rules read."""
    yield "# Features\n"
    yield "Each rule reads one row: of a name, address, endpoint, service, need, app or regime. Numbers are counts."
    yield "No column is ever NULL except `*_failure`. The expression computes the column in SQL."
    yield "It reads the tables behind FROM. [Tables of the pipeline](pipeline.md) lists them."
    for row in get_args(WideRow):
        tables = [table for table, (kind, _) in TABLES.items() if kind is row]
        name = TABLE_OF_ROW[row.__name__]
        yield f"\n## `{row.__name__}`\n\nTable `{name}`, read by the rules of {_codes(tables, ', ')}.\n"
        yield f"```sql\n{source_of(name)}\n```\n"
        yield "| column | type | meaning | expression | rules |\n|---|---|---|---|---|"
        readers = readers_of(row)
        for column in fields(row):
            kind = str(column.type).removeprefix("<class '").removesuffix("'>").replace("|", "\\|")
            meaning, expression = column.metadata["meaning"], _expression(column.metadata["sql"])
            read_by = _codes([", ".join(readers[column.name])]) or "none"
            yield f"| `{column.name}` | {kind} | {meaning} | {expression} | {read_by} |"
    yield from _listing_columns()


def _listing_columns() -> Iterator[str]:
    """Yield the section about the row of an app in a storefront, which Python fills."""
    yield "\n## `ListingRow`\n\nRead by the rules of `listing`, about one app in one storefront."
    yield "Python fills it from the answers of a run and of earlier ones.\n"
    yield "| column | type | meaning | rules |\n|---|---|---|---|"
    for column in fields(ListingRow):
        readers = [rule.rule_id for rule in LISTING_RULES if column.name in columns_in(rule.when)]
        meaning = column.metadata["meaning"]
        yield f"| `{column.name}` | {type(column.default).__name__} | {meaning} | {_codes([', '.join(readers)])} |"


def source_of(table: str) -> str:
    """Return the clauses behind the columns of the statement that makes a feature table, from its FROM on."""
    (select,) = [each.select for each in (*STATEMENTS, *APP_STATEMENTS, *REGIME_STATEMENTS) if each.name == table]
    return re.sub(r" ((?:LEFT )?JOIN|GROUP BY) ", r"\n\1 ", select[select.rindex("\nFROM") + 1 :])


def _expression(sql: str) -> str:
    """Return an expression for a cell. A bar would end the cell, so that HTML has to write it."""
    text = " ".join(sql.split())
    if "|" not in text:
        return f"`{text}`"
    return f"<code>{html.escape(text, quote=False).replace('|', '&#124;').replace('*', '&#42;')}</code>"


def readers_of(row: type[WideRow]) -> dict[str, list[str]]:
    """Return for each column of a row the kinds of rules that read it, in the order of the tables."""
    found: dict[str, dict[str, None]] = {column.name: {} for column in fields(row)}
    for kind, rules in TABLES.values():
        if kind is row:
            for rule in rules:
                for name in columns_in(rule.when) & found.keys():
                    found[name][rule.rule_id] = None
    return {name: list(kinds) for name, kinds in found.items()}


def columns_in(condition: str) -> set[str]:
    """Return the words of an SQL condition outside of string literals."""
    return set(re.findall(r"[a-z_]+", re.sub(r"'[^']*'", "", condition)))


def rules_by_mechanism() -> dict[str, list[str]]:
    """Return for each mechanism the kinds of rules that name it, in the order of the tables."""
    found: dict[str, dict[str, None]] = {}
    every: tuple[Rule | ListingRule, ...] = (*RULES.values(), *LISTING_RULES)
    for rule in every:
        if rule.mechanism:
            found.setdefault(rule.mechanism, dict[str, None]())[rule.rule_id] = None
    return {mechanism: list(kinds) for mechanism, kinds in found.items()}


def _codes(words: tuple[str, ...] | list[str], between: str = " ") -> str:
    return between.join(f"`{word}`" for word in words if word)


def main() -> None:
    """Write the stored pages into docs/reference."""
    made = pages()
    for name in STORED:
        (FOLDER / name).write_text(made[name], encoding="utf-8")


if __name__ == "__main__":
    main()
