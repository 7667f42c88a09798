"""Give the functions of the commands to the interface, each with the same effect as the command.

Write the lines that let a system run a command once a day.
"""

import asyncio
import os
import secrets
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from probe.cli.language import choice
from probe.cli.results.installed_completion import line_sentence, remove_line, shell_lines
from probe.cli.results.kept_summaries import digest_of_program, summary_of
from probe.cli.results.wipe import everything, remove
from probe.cli.run import consent, consent_text
from probe.cli.run.consent_choices import CHOICES, token_is_chosen
from probe.cli.run.run_request import control_urls
from probe.cli.run.settings import ALL_KEYS, defaults, save
from probe.cli.screen import UsageError
from probe.messages import tr, use
from probe.nettests import NETTESTS
from probe.platforms.installation import own_command
from probe.results import FullDisk, ResultsError, newest_first, results_root
from probe.run_page.run_facts import ShownRun, last_run
from probe.sharing import ShareError
from probe.targets.target_error import TargetError
from probe.targets.target_files import pick_targets
from probe.targets.titles import shown_title
from probe.ui.commands import (
    CommandRefused,
    ConsentChoice,
    ConsentQuestion,
    ConsentText,
    Leaving,
    Publishable,
    Published,
    RunLine,
    SavedSettings,
    Shared,
    Wanted,
)

if TYPE_CHECKING:
    from probe.ooni.submission.outcomes import SubmissionOutcome
    from probe.ooni.submission.queue_file import QueueEntry
    from probe.ooni.submission.sendable import SendableLines
    from probe.sharing import Outgoing

HOURS = range(9, 21)  # in which most computers are on
CRON = "{minute} {hour} * * *  {command}"
SYSTEMD = """# ~/.config/systemd/user/censorprobe.service
[Service]
Type=oneshot
ExecStart={command}

# ~/.config/systemd/user/censorprobe.timer
[Timer]
OnCalendar=*-*-* {hour:02}:{minute:02}
RandomizedDelaySec=1h
[Install]
WantedBy=timers.target

# then: systemctl --user enable --now censorprobe.timer"""
WINDOWS = "schtasks /Create /TN censorprobe /SC DAILY /ST {hour:02}:{minute:02} /TR {command}"


def schedules(command: Sequence[str]) -> list[tuple[str, str]]:
    """Return the name of each scheduler with its lines, at a time that is drawn.

    Runs of many users at one minute would be a pattern.
    """
    at = {"hour": HOURS.start + secrets.randbelow(len(HOURS)), "minute": secrets.randbelow(60)}
    quoted = shlex.join(command)
    on_windows = subprocess.list2cmdline([subprocess.list2cmdline(command)])
    return [
        (tr("Linux, macOS and Termux: cron (crontab -e)"), CRON.format(command=quoted, **at)),
        (tr("Linux: systemd timer"), SYSTEMD.format(command=quoted, **at)),
        (tr("Windows: Task Scheduler"), WINDOWS.format(command=on_windows, **at)),
    ]


HELPER, RESULTS, LANGUAGE, RECIPIENT, HAND_OVER = "control", "results", "lang", "recipient", "hand-over"  # settings
SERVER, PROXY = "server", "proxy"  # settings of `probe submit`
LINE_WIDTH = 60  # characters. A run may take three such lines in the history.


class Functions:
    """Hold the options of `probe ui`. The settings file is read for each call, because a screen changes it."""

    def __init__(self, results: Path | None, targets: Path) -> None:
        self._results, self._targets = results, targets
        digest_of_program()  # of the code that was loaded, before an update can replace it

    def consent_text(self) -> ConsentText:
        with _refusing():
            questions = [ConsentQuestion(tr(text), right, tr(because)) for text, right, because in consent.QUESTIONS]
            return ConsentText(
                consent_text.short_sections(self._targets),
                consent_text.sections(self._targets),
                questions,
                tr(consent.AGREE),
                [ConsentChoice(each.name, tr(each.question), tr(each.about)) for each in CHOICES],
            )

    def has_consent(self) -> bool:
        """Return whether the user agreed, here or on the command line."""
        return consent.is_kept()

    def keep_consent(self) -> str:
        """Keep the consent in the file of the command line."""
        return consent.keep()

    def choose(self, name: str, agreed: bool) -> None:
        """Keep a choice in the settings file. Raises Refused."""
        with _refusing():
            next(each for each in CHOICES if each.name == name).choose(agreed)

    def apps(self) -> list[tuple[str, str]]:
        """Return name and title of each app that `probe run` measures without names."""
        with _refusing():
            found = pick_targets(self._targets, [], frozenset(NETTESTS))
            return [(target.name, shown_title(target.title)) for target in found]

    def run_command(self, wanted: Wanted, events: Path) -> list[str]:
        """Return the command of a run. Raises Refused for a helper that cannot be used."""
        with _refusing():
            control_urls(wanted.helper, None)
        return [
            *(*own_command(), "run", *wanted.names, "--plain"),
            *("--consent", consent_text.VERSION, "--depth", wanted.depth, "--control", wanted.helper),
            *("--targets", str(self._targets), "--results", str(self.results_folder()), "--events", str(events)),
        ]

    def results_folder(self) -> Path:
        """Return the results folder: the option, the variable, the setting, or the usual one."""
        named = None if os.environ.get("PROBE_RESULTS") else self._setting(RESULTS)
        return results_root(self._results or (Path(named) if named else None)).absolute()

    def runs(self) -> list[Path]:
        """Return the runs of `probe list`, the newest first."""
        return newest_first(self.results_folder())

    def run_line(self, run: Path) -> RunLine:
        """Return what `probe list` says about a run."""
        summary = summary_of(run)
        found = " ".join(summary.found_lines(LINE_WIDTH, unicode=True))
        return RunLine(summary.start, summary.place, found, summary.notes())

    def run_facts(self, run: Path) -> ShownRun:
        """Return what `probe show --html` shows of a run."""
        from probe.cli.results.unusable_lines import SkippedLines, usable_measurements

        with _refusing():
            facts, _ = last_run(usable_measurements([str(run)], SkippedLines()))
        if facts is None:
            raise CommandRefused(tr("The results file contains no measurement that can be judged."))
        return facts

    def leaving(self, run: Path) -> Leaving:
        """Return what `probe share` shows before it writes."""
        from probe.cli.sharing.leaving_fields import about, in_short, removed, rows
        from probe.cli.sharing.share import inspected

        with _refusing():
            outgoing = inspected(run, lab=False)
        further, table = about(outgoing)[1:], rows(outgoing, reveals=False)
        return Leaving(in_short(outgoing), further, table, removed(outgoing)[1:-1], self._setting(RECIPIENT))

    def share(self, run: Path, key: str) -> Shared:
        """Write the file of `probe share`, encrypted if a key is given."""
        from probe.cli.sharing import share

        with _refusing():
            recipients = share.recipients_with([key] if key else [])
            outgoing = share.inspected(run, lab=False)
            path = share.write(outgoing, recipients, None, self.results_folder())
            text = share.text_of(outgoing)
        return Shared(path, text, share.next_steps(recipients), _code(text))

    def publishable(self, run: Path) -> Publishable:
        """Return what `probe submit` shows before it asks."""
        from probe.cli.sharing.leaving_fields import about, removed, rows
        from probe.cli.sharing.submit import left_out_sentences, notice

        outgoing, selection = self._sendable(run)
        server = self._server()
        return Publishable(
            [*about(outgoing), *left_out_sentences(selection), *notice(len(selection.lines), server)],
            rows(outgoing, reveals=False),
            removed(outgoing),
            _key(outgoing, server),
        )

    async def publish(self, run: Path, key: str) -> Published:
        """Do what `probe submit` does after the user agreed to what `key` names."""
        from probe.cli.queue_states import opened_queue
        from probe.cli.server_addresses import proxy_address
        from probe.cli.sharing.sending import outcome_line, sum_of, trouble_sentences
        from probe.ooni.submission.batch_sending import send_waiting

        lines = list[str]()

        def note(entry: "QueueEntry", outcome: "SubmissionOutcome") -> None:
            lines.append(outcome_line(entry, outcome))

        with _refusing():
            proxy = proxy_address(self._option(PROXY) or None)
            known = await asyncio.to_thread(self._enqueue, run, key)
            with opened_queue(self.results_folder()) as queue:
                sent = await send_waiting(queue, proxy=proxy, note=note)
        return Published([sum_of(sent), *known, *trouble_sentences(sent)], lines)

    def _enqueue(self, run: Path, key: str) -> list[str]:
        """Put the measurements of a run into the queue. Raise Refused if the user agreed to something else."""
        from probe.cli.sharing.submit import enqueue
        from probe.ooni.submission.outcomes import Protocol

        outgoing, selection = self._sendable(run)
        server = self._server()
        if key != _key(outgoing, server):
            raise CommandRefused(tr("The run or the server has changed since you read this. Please read again."))
        with _refusing():
            return enqueue(self.results_folder(), server, Protocol.SUBMIT, outgoing.source, selection)

    def _sendable(self, run: Path) -> "tuple[Outgoing, SendableLines]":
        from probe.cli.sharing.submit import NOTHING_SENDABLE, left_out_sentences, sendable

        with _refusing():
            outgoing, selection = sendable(run)
        if not selection.lines:
            raise CommandRefused(" ".join([*left_out_sentences(selection), tr(NOTHING_SENDABLE)]))
        return outgoing, selection

    def _server(self) -> str:
        """Return the address of the server for publishing. Raise Refused for one that cannot be used."""
        from probe.cli.server_addresses import server_address
        from probe.ooni.submission.exchanges import SERVER as OONI

        with _refusing():
            return server_address(self._option(SERVER) or OONI)

    def settings(self) -> SavedSettings:
        """Return the settings that the interface can change."""
        helper = self._option(HELPER)
        with _refusing():
            token = token_is_chosen()
        kept = map(self._setting, (LANGUAGE, RECIPIENT, HAND_OVER))
        language, recipient, hand_over = kept
        return SavedSettings(
            helper, self._setting(RESULTS), self.results_folder(), language, token, recipient, hand_over
        )

    def change_settings(self, changed: SavedSettings) -> None:
        """Write the settings file, and use its language. Raises Refused if a value cannot be used."""
        from probe.cli.sharing.share import recipients_with

        if changed.results and not Path(changed.results).is_absolute():
            raise CommandRefused(tr("Name the results folder with its whole path."))
        with _refusing():
            control_urls(changed.helper, None)
            if changed.recipient:
                recipients_with([changed.recipient])
            values = {HELPER: changed.helper, RESULTS: changed.results, LANGUAGE: changed.language}
            save({**values, RECIPIENT: changed.recipient, HAND_OVER: changed.hand_over})
            use(changed.language or choice(None).code)

    def schedule(self) -> list[tuple[str, str]]:
        """Return the lines that measure regularly, for each system."""
        return schedules([*own_command(), "run", "--quiet", "--consent", consent_text.VERSION])

    def everything(self) -> list[Path]:
        """Return the paths that `probe wipe` removes."""
        with _refusing():
            return everything(self.results_folder())

    def shell_lines(self) -> list[str]:
        """Return a sentence for each line of the program in a file of the user's shell."""
        return [line_sentence(each) for each in shell_lines()]

    def remove(self, paths: Sequence[Path]) -> list[str]:
        """Remove the paths and the lines in files of shells, and return the reason for each that stays."""
        return [why for why in (*map(remove_line, shell_lines()), *map(remove, paths)) if why]

    def _option(self, key: str) -> str:
        """Return the value of an option that the user set by its variable or by the settings file, "" for none."""
        return os.environ.get(f"PROBE_{key.upper()}") or self._setting(key)

    def _setting(self, key: str) -> str:
        """Return the value of a key of the settings file, "" for none."""
        with _refusing():
            return str(defaults().get(ALL_KEYS[key][0]) or "")


def _key(outgoing: "Outgoing", server: str) -> str:
    return f"{outgoing.manifest.sha256} {server}"


def _code(text: str) -> list[bytearray]:
    """Return the modules of the text's QR code, none without segno."""
    from probe.cli.sharing.qr_code import modules_of

    try:
        return modules_of(text)
    except UsageError:  # the page says what to install
        return []


@contextmanager
def _refusing() -> Iterator[None]:
    """Raise Refused in place of the errors of the commands, with the same sentence."""
    try:
        yield
    except (UsageError, ShareError, ResultsError, FullDisk, TargetError) as error:
        raise CommandRefused(str(error)) from None
