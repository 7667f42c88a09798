"""`probe synth`: lines of a made-up world, and the truth about it."""

import sys
from pathlib import Path
from typing import Annotated

from probe.cli.options import new_app, opt
from probe.cli.screen import UsageError, say

app = new_app()


@app.command()
def synth(
    measurements: Annotated[int, opt("--measurements", min=1, max=10**9, help="How many lines.")],
    out: Annotated[Path, opt("--out", help="The folder to write to.")],
    seed: Annotated[int, opt("--seed", help="The same seed gives the same bytes.")] = 0,
    light: Annotated[bool, opt("--light", help="Lines of one service over IPv4, about 14 kB each, not 45.")] = False,
) -> None:
    """Write DIR/lines/*.jsonl.gz and DIR/truth.json: what a store and a comparison can be tried on.

    The lines are cut from recordings of the lab; countries and networks have codes that belong to nobody.
    """
    from probe.lab.synth.write import synthesise

    if (out / "lines").exists() and any((out / "lines").iterdir()):
        raise UsageError(f"{out} already holds lines; give --out a new folder", 2)
    try:
        done = synthesise(measurements, seed, out, light=light)
    except OSError as error:
        raise UsageError(f"{out} cannot be written ({error.strerror})", 2) from None
    say(
        sys.stdout,
        f"{done['lines']} lines in {done['files']} file(s) under {out / 'lines'}, "
        f"{done['mean_bytes']} bytes each in the mean; the truth is in {out / 'truth.json'}",
    )
