"""`probe show`: what a run found; with --why the evidence, the rule, and what would change the verdict."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from probe.cli.options import new_app, opt
from probe.cli.screen import Refusal, clean, is_plain, lab_of, print_verdicts, say, wrapped
from probe.results import Problem, ResultsError, file_name, find_files, read_lines, results_root, run_files

app = new_app()

WHAT_WOULD_CHANGE = {
    "blocked": "It would fall if the repeat had worked, if a harmless name or datagram had failed in the same way, or "
    "if the service had failed from outside too.",
    "likely_blocked": "Direct proof (a block page, a forged answer, a failure that follows the name) would make it "
    "BLOCKED; a helper that fails too would make it NOT WORKING, NO SIGN OF BLOCKING.",
    "degraded": "More attempts would narrow the interval: probe run --repeat 5.",
    "impaired": "A test helper outside would tell blocking from an outage: probe run --control URL.",
    "down": "It would be called blocked only if the service worked from outside at the same time.",
    "insufficient": "One attempt carried to its end: run again on a quiet line, without stopping it.",
    "ok": "A failure that its repeat confirms would change it.",
}
FOLLOWUPS = {
    "browser_hello": "in a browser's hello,",
    "harmless_browser_hello": "harmless name in a browser's hello,",
    "other_size_hello": "in our hello, longer or shorter,",
    "same_hello_again": "in our hello again,",
    "random_bytes_neutral_host": "bytes of no protocol to a neutral host, for",
    "other_payload_echo": "harmless datagram to the helper's echo, for",
    "same_payload_echo": "its own datagram to the helper's echo, for",
}
MOST_SHOWN = 12  # transactions per service; the file has them all


@app.command()
def show(
    source: Annotated[str, typer.Argument(metavar="[last|FILE]", help="A file; default: the last run.")] = "last",
    why: Annotated[bool, opt("--why", help="Show the evidence, the rule, and what would change it.")] = False,
    results: Annotated[Path | None, opt("--results", help="Folder of the results.")] = None,
    plain: Annotated[bool, opt("--plain", help="No colour, no Unicode.")] = False,
    html: Annotated[Path | None, opt("--html", help="Write it as one page, which opens offline.")] = None,
) -> None:
    """Show what a run found; --why gives the evidence.

    The verdicts are worked out again from the lines: the same rules, the same answer.
    """
    problems: list[Problem] = []
    lines = [entry for path in _paths(source, results) for entry in _usable(path, problems)]
    for problem in problems:
        say(sys.stderr, f"probe: {clean(problem)}")
    from probe.analysis.verdicts import judge_lines

    records = list(judge_lines(lines))
    simple = is_plain(plain, sys.stdout)
    lab = lab_of(line for _, _, line in lines)
    if html is not None:
        _write_receipt(html, records, lines)
    elif why:
        _print_reasons(records, {(name, number): line for name, number, line in lines}, lab, simple)
    else:
        print_verdicts(records, sys.stdout, simple, lab=lab)
    if problems:
        raise typer.Exit(6)


def _write_receipt(path: Path, records: list[dict[str, Any]], lines: list[tuple[str, int, dict[str, Any]]]) -> None:
    from probe.cli.pages import write_receipt

    placed = {(name, number): line for name, number, line in lines}
    evidence = {
        (*place, record["service"]): list(_evidence(record, placed[place]))
        for record in records
        if (place := (record["measurement_file"], record["measurement_line"])) in placed
    }
    write_receipt(path, lines, evidence)


def _paths(source: str, results: Path | None) -> list[Path]:
    if source != "last":
        try:
            return find_files([source])
        except ResultsError as error:
            raise Refusal(str(error), 6) from None
    root = results_root(results)
    found = run_files(root) if root.is_dir() else []
    if not found:
        raise Refusal(f"there is no run under {root} yet; `probe run` makes one", 6)
    latest = max(found, key=lambda path: path.stat().st_mtime_ns)
    say(sys.stderr, f"from {latest}")
    return [latest]


def _usable(path: Path, problems: list[Problem]) -> Iterator[tuple[str, int, dict[str, Any]]]:
    for number, line in read_lines(path):
        if isinstance(line, Problem):
            problems.append(line)
        else:
            yield file_name(path), number, line


def _print_reasons(
    records: list[dict[str, Any]], lines: Mapping[tuple[str, int], dict[str, Any]], lab: str | None, plain: bool
) -> None:
    for record in records:
        print_verdicts([record], sys.stdout, plain, lab=lab, evidence=False)
        lab = None
        line = lines[record["measurement_file"], record["measurement_line"]]
        _say_list("Evidence", list(_evidence(record, line)))
        _say_list("Rule", [f"{record['rule_id']} (ruleset {record['ruleset']}): {record['because']}"])
        _say_list("Would change it", [WHAT_WOULD_CHANGE.get(str(record["state"]), "A run on a network that is fit.")])
        say(sys.stdout)


def _say_list(title: str, rows: list[str]) -> None:
    for number, row in enumerate(rows):
        say(sys.stdout, wrapped(row, 22, f"    {title if number == 0 else '':<18}"))


def _evidence(record: Mapping[str, Any], line: Mapping[str, Any]) -> Iterator[str]:
    """The transactions that the verdict names, in words; the control's answer last."""
    test_keys = line.get("test_keys")
    keys: Mapping[str, Any] = test_keys if isinstance(test_keys, dict) else {}
    known = {tx["transaction_id"]: tx for tx in keys.get("x_transactions") or () if isinstance(tx, dict)}
    named = [number for endpoint in record["endpoints"] for number in endpoint["transactions"]]
    shown = [known[number] for number in dict.fromkeys(named) if number in known]
    yield from (transaction_in_words(transaction) for transaction in shown[:MOST_SHOWN])
    if len(shown) > MOST_SHOWN:
        yield f"and {len(shown) - MOST_SHOWN} more in the file"
    if record["controls"]:
        yield f"from outside: {record['control_successes']} of {record['controls']} attempts of the helper worked"
    else:
        yield f"from outside: {_no_control(keys.get('x_control'))}"


def _no_control(control: Any) -> str:
    if not isinstance(control, dict):
        return "no helper was asked"
    return f"the helper did not help ({control.get('failure') or 'it tried nothing of this'})"


def transaction_in_words(transaction: Mapping[str, Any]) -> str:
    """One transaction as a sentence: what was tried, with which name, where, and what came of it."""
    followup = str(transaction.get("followup", ""))
    what = {
        "lookup": "asked",
        "first": "tried",
        "innocuous": "harmless name",
        "confirm": "tried again",
        "followup": FOLLOWUPS.get(followup, followup.replace("_", " ")),
    }.get(str(transaction.get("kind")), "tried")
    name = transaction.get("sent_name") or transaction.get("hostname") or transaction.get("endpoint") or ""
    port = f" port {transaction['port']}" if transaction.get("port") else ""
    took = float(transaction.get("t") or 0) - float(transaction.get("t0") or 0)
    failed = f"{transaction.get('failed_operation')}: {transaction.get('failure')}"
    fine = "answered" if transaction.get("kind") == "lookup" or "resolver" in what else "worked"
    result = fine if transaction.get("failure") is None else failed
    return f"{what}: {name} at {transaction.get('address')}{port}: {result} ({took:.2f} s)"
