"""Show the progress of a run, on the screen or to another program."""

from probe.cli.run.progress.known_verdicts import KnownVerdicts
from probe.cli.run.progress.lines import Lines
from probe.cli.run.progress.moving import Moving
from probe.cli.run.progress.watchers import progress

__all__ = ["KnownVerdicts", "Lines", "Moving", "progress"]
