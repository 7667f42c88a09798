"""Define a flattened measurement: rows, and the few keys that verdicts need beside them."""

from dataclasses import dataclass, field
from typing import Any

from probe.analysis.observations.lenient_json import number, text
from probe.analysis.observations.media_figures import MediaRow
from probe.analysis.observations.observation import Observation
from probe.analysis.observations.transfer_row import TransferRow


@dataclass
class FlatMeasurement:
    """Hold a measurement in the form that verdicts are computed from: rows, and the few keys needed beside them."""

    target: dict[str, Any]
    run: dict[str, Any]
    bugs: tuple[str, ...]
    control_failed: bool
    control_families: dict[int, bool]
    control_udp: bool = False
    echo_offered: bool = False  # the helper's answer names ports of its UDP echo
    foreign: bool = False  # OONI's measurement: the reader numbered its transactions, and preflight is unknown
    unread: bool = False  # no rule covers its nettest
    country: str = ""  # of the probe, two letters
    redirects: dict[str, tuple[str, ...]] = field(default_factory=dict)  # endpoints redirected to, by service
    control_neutral_failed: tuple[str, ...] = ()  # neutral hosts that failed at the control, as `neutral_key` has them
    media: tuple[MediaRow, ...] = ()  # figures of the pairs of media flows
    transfers: tuple[TransferRow, ...] = ()  # figures of the pairs of transfers
    rows: list[Observation] = field(default_factory=list)


def neutral_key(host: dict[str, Any]) -> str:
    """Return the endpoint and the family of a neutral host in a preflight, as one text."""
    return f"{text(host.get('endpoint'))} {number(host.get('family'))}"
