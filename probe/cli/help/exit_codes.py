"""List the exit codes of all commands. Help, documentation and manual pages show this table."""

from typing import NamedTuple

from probe.messages import mark


class ExitCode(NamedTuple):
    """Hold one exit code, the commands that give it, and its meaning."""

    code: int
    commands: str
    meaning: str


ANY = mark("all")
EXIT_CODES = (
    ExitCode(0, ANY, mark("The command is complete. A run is also complete at its time limit, whatever it found.")),
    ExitCode(1, ANY, mark("A bug in probe. What was measured is written. Please report it.")),
    ExitCode(1, "lab run", mark("A verdict differs from the scenario's expectation, or the lab cannot run here.")),
    ExitCode(1, "lab score", mark("A state, a mechanism or a hop differs from the scenario's expectation.")),
    ExitCode(1, "wipe", mark("Some files could not be removed. The errors name them.")),
    ExitCode(2, ANY, mark("The command line, the settings or a named file cannot be used. The error says why.")),
    ExitCode(3, "run, doctor, consent", mark("Consent is missing or is for another text. Nothing was sent.")),
    ExitCode(
        4,
        "run, doctor",
        mark("There is no usable network, a sign-in page answers, or the network is not fit to measure."),
    ),
    ExitCode(4, "doctor", mark("A test helper does not answer.")),
    ExitCode(4, "stores, targets check", mark("No store gave a usable answer, or a store refused further requests.")),
    ExitCode(4, "submit, queue send", mark("Some measurements could not be sent. They are in the queue.")),
    ExitCode(5, "run", mark("The time of --max-time was over. The result is partial.")),
    ExitCode(6, ANY, mark("Some input cannot be used: lines, files, addresses or runs. The rest was used.")),
    ExitCode(7, ANY, mark("The results could not be written, or the disk is full.")),
    ExitCode(8, "fetch", mark("Fetched data are not what was listed.")),
    ExitCode(9, "lab", mark("The lab itself failed.")),
    ExitCode(10, "run --exit-code", mark("A service is blocked or likely blocked.")),
    ExitCode(11, "run --exit-code", mark("No service is blocked, and one works badly or does not work.")),
    ExitCode(
        13,
        "run --exit-code",
        mark("No service fails because of the network, and one is filtered on the user's own side."),
    ),
    ExitCode(12, "run --exit-code", mark("No service fails, and one was not tested enough or cannot be used.")),
    ExitCode(130, ANY, mark("Ctrl-C (SIGINT). Finished measurements are kept.")),
    ExitCode(143, ANY, mark("SIGTERM, or a closed terminal. Finished measurements are kept.")),
)
