"""Print the verdict about the network of each run (`probe judge --by network`)."""

import json
import sys

from probe.analysis.run_result.run_sentences import origin_header
from probe.analysis.run_result.runs import RunVerdicts, runs_in
from probe.cli.results.unusable_lines import SkippedLines, usable_measurements
from probe.cli.screen import say, wrapped
from probe.messages import in_english, printable

MOST_SHOWN = 3  # witnesses of one regime


def judge_networks(files: list[str], as_json: bool, explained: bool) -> None:
    """Print one JSON object per run, or its sentences with witnesses, or with `explained` the columns and rules.

    Runs without a check of the network have no verdict, such as OONI's measurements.
    """
    skipped = SkippedLines()
    for run in runs_in(usable_measurements(files, skipped)):
        if explained:
            _explain(run, as_json)
        elif as_json:
            _print_json(run)
        else:
            _print_text(run)
    sys.stdout.flush()
    skipped.end()


def _print_json(run: RunVerdicts) -> None:
    from probe.analysis.verdicts.verdicts import to_json

    with in_english():
        regime = run.regime()
    if regime is not None:
        sys.stdout.write(to_json(dict(regime)) + "\n")


def _print_text(run: RunVerdicts) -> None:
    if (regime := run.regime()) is None:
        return
    if run.origin.artificial:
        say(sys.stdout, origin_header(run.origin))
    say(sys.stdout, wrapped(regime["sentence"]))
    for each in regime["regimes"]:
        say(sys.stdout, f"  {each['regime']}  {each['rule_id']}")
        for witness in each["witnesses"][:MOST_SHOWN]:
            say(sys.stdout, wrapped(f"{printable(witness['subject'])}: {witness['shows']}", 6, "    "))


def _explain(run: RunVerdicts, as_json: bool) -> None:
    from probe.analysis.verdicts.step_records import explain_network
    from probe.cli.results.judging_steps import print_network

    with in_english():
        explanation = explain_network(run.records, run.network_facts)
    if as_json:
        sys.stdout.write(json.dumps(explanation.document()) + "\n")
    elif explanation.rows:
        print_network(explanation)
