"""Show the progress of a run, on the screen or to another program."""

from probe.cli.run.progress.known_verdicts import KnownVerdicts
from probe.cli.run.progress.moving import Moving
from probe.cli.run.progress.progress_lines import ProgressLines
from probe.cli.run.progress.watchers import progress

__all__ = ["KnownVerdicts", "Moving", "ProgressLines", "progress"]
