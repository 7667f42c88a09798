"""Define the options of `probe run`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from probe.cli.completions import complete_targets
from probe.cli.options import new_app, opt, targets_folder
from probe.cli.run.disk_limits import limits
from probe.cli.run.run_request import RunRequest, control_urls, country, network
from probe.cli.screen import UsageError
from probe.messages import tr

app = new_app()
INVALID_INPUT = 6  # some rows of a list were left out, and the rest was measured


@app.command()
def run(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TARGET",
            help="Targets by name or title, also with commas (default: all).",
            autocompletion=complete_targets,
        ),
    ] = None,
    targets: Annotated[Path | None, opt("--targets", help="Folder of target files instead of the bundled.")] = None,
    results: Annotated[Path | None, opt("--results", help="Folder for the results.")] = None,
    output: Annotated[str | None, opt("--output", help="Write the measurements to this file, or - for stdout.")] = None,
    control: Annotated[
        str | None, opt("--control", help="Test helpers for comparison: URL,URL,…, ooni (public ones) or none.")
    ] = None,
    control_pin: Annotated[str | None, opt("--control-pin", help="SHA-256 of the helper's certificate.")] = None,
    consent: Annotated[str | None, opt("--consent", help="Version of the consent text that you agree to.")] = None,
    repeat: Annotated[int, opt("--repeat", help="Measure this many times.", min=1, max=1000)] = 1,
    depth: Annotated[
        Literal["standard", "deep"], opt("--depth", help="deep tests more and is easier to notice (see probe consent).")
    ] = "standard",
    max_time: Annotated[
        float | None, opt("--max-time", help="Stop after this many seconds, in place of the usual 120.", min=0.1)
    ] = None,
    cc: Annotated[str | None, opt("--cc", help="Override the detected country (two-letter code).")] = None,
    asn: Annotated[str | None, opt("--asn", help="Override the detected network, such as AS64500.")] = None,
    plain: Annotated[bool, opt("--plain", help="No colour, no Unicode, no moving lines.")] = False,
    quiet: Annotated[bool, opt("--quiet", "-q", help="Print nothing but the result and errors.")] = False,
    json: Annotated[bool, opt("--json", help="Print verdict records, one JSON object per line.")] = False,
    verbose: Annotated[bool, opt("--verbose", "-v", help="Print the verdict on each service too.")] = False,
    ipv4: Annotated[bool, opt("--ipv4", "-4", help="IPv4 only.")] = False,
    ipv6: Annotated[bool, opt("--ipv6", "-6", help="IPv6 only.")] = False,
    no_followups: Annotated[bool, opt("--no-followups", help="Do not test failures further.")] = False,
    exit_code: Annotated[bool, opt("--exit-code", help="Exit with 10 to 13 depending on what was found.")] = False,
    pcap: Annotated[
        bool, opt("--pcap", help="Also write the packets, with your addresses replaced (needs root).")
    ] = False,
    input: Annotated[
        list[str] | None, opt("--input", help="With the target web: a web address, a file of them, or - (repeatable).")
    ] = None,
    ooni_run: Annotated[
        str | None, opt("--ooni-run", help="A link of OONI Run v2, or a file with its descriptor, in place of targets.")
    ] = None,
    ooni_run_digest: Annotated[
        str | None, opt("--ooni-run-digest", help="Digest of the descriptor that you agree to.")
    ] = None,
    ooni_run_server: Annotated[
        str | None, opt("--ooni-run-server", help="Fetch the link from another server than OONI's.", hidden=True)
    ] = None,
    measure_anyway: Annotated[
        bool, opt("--measure-anyway", help="Measure through a VPN, with a wrong clock or through TLS interception.")
    ] = False,
    keep: Annotated[str | None, opt("--keep", help="Afterwards remove runs that are older, such as 30d.")] = None,
    max_disk: Annotated[
        str | None, opt("--max-disk", help="Afterwards remove the oldest runs above this size, such as 500M.")
    ] = None,
    pack: Annotated[
        bool | None,
        opt("--pack/--no-pack", help="Pack the results file with zstd when it is closed (default, except in the lab)."),
    ] = None,
    contributor_token: Annotated[
        bool,
        opt(
            "--contributor-token/--no-contributor-token",
            help="Write a code that links your results of one month (see probe consent).",
        ),
    ] = False,
    events: Annotated[
        Path | None, opt("--events", help="Write the progress to this file as JSON lines.", hidden=True)
    ] = None,
    explain: Annotated[bool, opt("--explain", help="Print what would be contacted, and send nothing.")] = False,
) -> None:
    """Measure, print verdicts, and write one JSON line per measurement.

    `probe run web --input FILE|URL…` measures web addresses, one per line or Citizen Lab's CSV.
    Every option can also be a variable: --max-time is PROBE_MAX_TIME.
    """
    if output == "-" and json:
        raise UsageError(tr("--output - and --json both write to standard output. Use one of them."), 2)
    if pcap and output == "-":
        raise UsageError(
            tr("--pcap writes beside the results file, and --output - writes no file. Use one of them."), 2
        )
    if ipv4 and ipv6:
        raise UsageError(tr("-4 and -6 exclude each other. Leave both out to use what works."), 2)
    if ooni_run is not None and (names or input):
        raise UsageError(
            tr(
                "--ooni-run already says what is measured, so it cannot be combined with targets or --input. "
                "Leave these out."
            ),
            2,
        )
    request = RunRequest(
        names=tuple(names or ()),
        targets=targets_folder(targets),
        results=results,
        output=output,
        control=control_urls(control, control_pin),
        control_pin=control_pin,
        consent=consent,
        repeat=repeat,
        depth=depth,
        max_time=max_time,
        cc=country(cc),
        asn=network(asn),
        plain=plain,
        json=json,
        families=frozenset({4} if ipv4 else {6} if ipv6 else {4, 6}),
        followups=not no_followups,
        exit_code=exit_code,
        pcap=pcap,
        input=tuple(input or ()),
        ooni_run_digest=ooni_run_digest,
        ooni_run_server=ooni_run_server,
        quiet=quiet,
        measure_anyway=measure_anyway,
        limits=limits(keep, max_disk),
        pack=pack,
        verbose=verbose,
        events=events,
        contributor_token=contributor_token,
    )
    from probe.cli.run.explain import print_explanation
    from probe.cli.run.ooni_run.loading import load
    from probe.cli.run.preparation import pick
    from probe.cli.run.running import measure_and_judge

    chosen, problems = pick(request) if ooni_run is None else load(ooni_run, request, explain=explain)
    if explain:
        print_explanation(chosen, request)
        return
    raise typer.Exit(measure_and_judge(chosen, request) or (INVALID_INPUT if problems else 0))
