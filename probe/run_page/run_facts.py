"""Collect what the page says about a run: its verdicts, its network, and what was tried when."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from probe.analysis.observations.lenient_json import moment, seconds, table, tables, text
from probe.analysis.run_result.runs import RunVerdicts, runs_made
from probe.analysis.verdicts.verdicts import Located
from probe.run_page.media_flows import Flow, Shape, flow_pairs

MOST_RECORDS = 20_000  # verdicts on one page. A run has about 60.
MOST_ATTEMPTS = 100_000  # that are remembered. A run has about 2000.
LONGEST = 7 * 86_400.0  # seconds after the start of a measurement. Later times are mistakes.


class ShownAttempt(NamedTuple):
    """Hold a transaction of an app, and when it began, in seconds since 1970."""

    app: str
    began: float
    transaction: Mapping[str, Any]

    @property
    def failed(self) -> bool:
        """Return whether a step of the transaction failed."""
        return self.transaction.get("failure") is not None


@dataclass
class ShownRun(RunVerdicts):
    """Hold the verdicts of one run, its network and software, its attempts, and its media flows."""

    network: str = ""
    software: str = ""
    attempts: list[ShownAttempt] = field(default_factory=list)
    flow_pairs: dict[int, dict[Shape, Flow]] = field(default_factory=dict)  # by number of the pair, of the last round

    def add(self, records: list[dict[str, Any]], measurement: dict[str, Any]) -> None:
        super().add(records, measurement)
        keys = table(measurement.get("test_keys"))
        self.network = self.network or text(measurement.get("probe_network_name"))
        self.software = f"{text(measurement.get('software_name'))} {text(measurement.get('software_version'))}".strip()
        self.flow_pairs |= flow_pairs(measurement)  # a measurement has those of its shape
        app, start = text(table(keys.get("x_target")).get("name")), _start_of(measurement)
        for transaction in tables(keys.get("x_transactions"))[: MOST_ATTEMPTS - len(self.attempts)]:
            after = min(max(seconds(transaction.get("t0")), 0.0), LONGEST)
            self.attempts.append(ShownAttempt(app, start + after, transaction))


def last_run(measurements: Iterable[Located]) -> tuple[ShownRun | None, int]:
    """Return the last run of a results file, and the number of its runs."""
    last, count = None, 0
    for run in runs_made(ShownRun, measurements, MOST_RECORDS):
        last, count = run, count + 1
    return last, count


def _start_of(measurement: Mapping[str, Any]) -> float:
    """Return when a measurement began, in seconds since 1970, or 0 if that is unknown."""
    try:
        began = datetime.fromisoformat(moment(measurement.get("measurement_start_time")))
        return began.replace(tzinfo=began.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return 0.0
