"""Give the functions of the commands to the interface, each with the same effect as the command."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from probe.cli.language import choice
from probe.cli.results.kept_summaries import digest_of_program, summary_of
from probe.cli.results.wipe import everything, remove
from probe.cli.run import consent, consent_text
from probe.cli.run.request import control_urls
from probe.cli.run.settings import defaults
from probe.cli.screen import UsageError
from probe.cli.ui.saved_settings import save
from probe.cli.ui.schedules import schedules
from probe.messages import tr, use
from probe.nettests import NETTESTS
from probe.results import FullDisk, ResultsError, newest_first, results_root
from probe.run_page.run_facts import RunFacts, last_run
from probe.sharing import ShareError
from probe.targets.target_error import TargetError
from probe.targets.target_files import pick_targets
from probe.targets.titles import shown_title
from probe.ui.commands import ConsentText, Leaving, Question, Refused, RunLine, Settings, Shared, Wanted

HELPER, RESULTS, LANGUAGE = "control", "results", "lang"  # keys of the settings file
LINE_WIDTH = 60  # characters. A run may take three such lines in the history.


class Functions:
    """Hold the options of `probe ui`. The settings file is read for each call, because a screen changes it."""

    def __init__(self, results: Path | None, targets: Path) -> None:
        self._results, self._targets = results, targets
        digest_of_program()  # of the code that was loaded, before an update can replace it

    def consent_text(self) -> ConsentText:
        """Return the text of `probe consent` with its questions."""
        with _refusing():
            questions = [Question(tr(text), right, tr(because)) for text, right, because in consent.QUESTIONS]
            return ConsentText(consent_text.sections(self._targets), questions, tr(consent.AGREE))

    def has_consent(self) -> bool:
        """Return whether the user agreed, here or on the command line."""
        return consent.is_kept()

    def keep_consent(self) -> str:
        """Keep the consent in the file of the command line."""
        return consent.keep()

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
            *(sys.executable, "-P", "-m", "probe", "run", *wanted.names, "--plain"),
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
        return RunLine(summary.start, summary.place, found, summary.notes(run))

    def run_facts(self, run: Path) -> RunFacts:
        """Return what `probe show --html` shows of a run."""
        from probe.cli.results.unusable_lines import SkippedLines, usable_measurements

        with _refusing():
            facts, _ = last_run(usable_measurements([str(run)], SkippedLines()))
        if facts is None:
            raise Refused(tr("The results file contains no measurement that can be judged."))
        return facts

    def leaving(self, run: Path) -> Leaving:
        """Return what `probe share` shows before it writes."""
        from probe.cli.sharing.leaving_fields import about, removed, rows
        from probe.cli.sharing.share import inspected

        with _refusing():
            outgoing = inspected(run, lab=False)
        return Leaving(about(outgoing), rows(outgoing, reveals=False), removed(outgoing))

    def share(self, run: Path, key: str) -> Shared:
        """Write the file of `probe share`, encrypted if a key is given."""
        from probe.cli.sharing import share

        with _refusing():
            recipients = share.recipients_with([key] if key else [])
            outgoing = share.inspected(run, lab=False)
            path = share.write(outgoing, recipients, None, self.results_folder())
            text = share.text_of(outgoing)
        return Shared(path, text, share.next_step(recipients), _code(text))

    def settings(self) -> Settings:
        """Return the settings that the interface can change."""
        helper = os.environ.get("PROBE_CONTROL") or self._setting(HELPER)
        return Settings(helper, self._setting(RESULTS), self.results_folder(), self._setting(LANGUAGE))

    def change_settings(self, helper: str, results: str, language: str) -> None:
        """Write the settings file, and use its language. Raises Refused if a value cannot be used."""
        if results and not Path(results).is_absolute():
            raise Refused(tr("Name the results folder with its whole path."))
        with _refusing():
            control_urls(helper, None)
            save({HELPER: helper, RESULTS: results, LANGUAGE: language})
            use(language or choice(None).code)

    def schedule(self) -> list[tuple[str, str]]:
        """Return the lines that measure regularly, for each system."""
        return schedules([sys.executable, "-m", "probe", "run", "--quiet", "--consent", consent_text.VERSION])

    def everything(self) -> list[Path]:
        """Return the paths that `probe wipe` removes."""
        with _refusing():
            return everything(self.results_folder())

    def remove(self, paths: Sequence[Path]) -> list[str]:
        """Remove the paths, and return the reason for each that stays."""
        return [why for path in paths if (why := remove(path))]

    def _setting(self, key: str) -> str:
        with _refusing():
            return str(defaults().get(key) or "")


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
        raise Refused(str(error)) from None
