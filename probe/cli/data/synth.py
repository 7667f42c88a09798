"""Implement `probe synth`: measurements of an invented world, with the truth about it."""

import sys
from pathlib import Path
from typing import Annotated

from probe.cli.options import new_app, opt
from probe.cli.screen import UsageError, say, write_error
from probe.messages import printable, tr
from probe.results import reason_of

app = new_app()


@app.command()
def synth(
    measurements: Annotated[int, opt("--measurements", min=1, max=10**9, help="Number of measurements.")],
    out: Annotated[Path, opt("--out", help="Folder to write to.")],
    seed: Annotated[int, opt("--seed", help="Equal seeds give equal bytes.")] = 0,
    light: Annotated[
        bool, opt("--light", help="Measurements of one service over IPv4, about 20 kB each instead of 45 kB.")
    ] = False,
    world: Annotated[
        str, opt("--world", help="What happens: independent, unkind (users as unlike as real ones), or FILE.toml.")
    ] = "independent",
) -> None:
    """Write DIR/lines/*.jsonl.gz and DIR/truth.json, to test a store and comparisons with known results.

    The measurements are cut from recordings of the lab. Their country codes and networks are reserved for private use,
    and other commands leave them out without --lab. A world with users also has DIR/users.jsonl.
    """
    from probe.lab.recordings import RecordingNotInstalled
    from probe.lab.synth.synthetic_world import WorldError, load_world
    from probe.lab.synth.write import synthesise

    if (out / "lines").exists() and any((out / "lines").iterdir()):
        raise UsageError(tr("{folder} already contains measurements. Give --out a new folder.", folder=out), 2)
    try:
        done = synthesise(measurements, seed, out, light=light, world=load_world(world))
    except WorldError as error:
        raise UsageError(printable(str(error)), 2) from None
    except RecordingNotInstalled as error:
        raise UsageError(str(error), 2) from None
    except OSError as error:
        refusal = tr("{folder} cannot be written: {reason}.", folder=out, reason=reason_of(error))
        raise write_error(error, out, refusal, 2) from None
    say(
        sys.stdout,
        tr(
            "Measurements: {lines}, in {folder}. Mean size: {mean} bytes. The truth is in {truth}.",
            lines=done["lines"],
            folder=out / "lines",
            mean=done["mean_bytes"],
            truth=out / "truth.json",
        ),
    )
