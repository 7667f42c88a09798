"""Implement `probe ui`: measure and read results in a browser on this computer."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from probe.cli.options import new_app, opt, targets_folder
from probe.cli.screen import UsageError, say
from probe.messages import printable, tr

if TYPE_CHECKING:
    from probe.ui.measuring_run import MeasuringRun

USAGE = 2  # exit code
app = new_app()


@app.command()
def ui(
    port: Annotated[int, opt("--port", min=0, max=65535, help="Port to listen on, 0 for a free one.")] = 0,
    results: Annotated[Path | None, opt("--results", help="Results folder.")] = None,
    targets: Annotated[Path | None, opt("--targets", help="Folder of target files instead of the bundled.")] = None,
) -> None:
    """Measure and read results in a browser on this computer, until Ctrl-C or the button on the page.

    The first line is the address to open, with a token that no other user and no other website knows. Each run is a
    `probe run` of its own. It asks for consent first. Only a run that you publish is uploaded, after a question.
    """
    from probe.cli.ui.functions import Functions
    from probe.local_server.listening import PortError
    from probe.platforms import event_loop
    from probe.ui import serve

    functions = Functions(results, targets_folder(targets))
    try:
        event_loop.run(serve(functions, port, lambda url: say(sys.stdout, url), _say_ended))
    except PortError as error:
        refusal = tr(
            "Port {port} cannot be used: {reason}. Give another one with --port, or none.", port=port, reason=error
        )
        raise UsageError(refusal, USAGE) from None


def _say_ended(run: "MeasuringRun") -> None:
    """Say what became of the run that the end of the interface stopped."""
    from probe.cli.run.progress.progress_lines import leave_closed_terminal

    leave_closed_terminal()
    if run.saved is not None:
        say(sys.stderr, tr("The run under way was stopped. What was measured is kept."))
        say(sys.stderr, f"saved {printable(run.saved)}")
    else:
        say(sys.stderr, tr("The run under way was stopped before anything was measured."))
