"""The JSON line (OONI df-000): one nettest, run once, against one target, from one vantage point."""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from probe.formats.field_notes import Machine, Ordinal, PrivacyClass, Public, Seconds, VantagePoint, Withheld

DATE_FORMAT = "%Y-%m-%d %H:%M:%S"  # df-000: UTC, no fraction, no T, no Z


def ooni_date(moment: datetime) -> str:
    """Write a moment as OONI does."""
    return moment.astimezone(UTC).strftime(DATE_FORMAT)


_WRITTEN_DATE = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$"}
Date = Annotated[datetime, PlainSerializer(ooni_date), WithJsonSchema(_WRITTEN_DATE)]


class Measurement(BaseModel):
    """One line of a results file. `test_keys` is what the nettest and the runner built; see probe/README.md."""

    model_config = ConfigDict(extra="forbid")
    PRIVACY: ClassVar[PrivacyClass] = "network"

    annotations: Machine[dict[str, str]] = Field(default_factory=dict)  # df-000's words for platform and engine
    data_format_version: Public[Literal["0.2.0"]] = "0.2.0"  # OONI's, of the base document
    extensions: Public[dict[str, Ordinal]] = Field(
        default_factory=lambda: {"dnst": 0, "httpt": 0, "netevents": 0, "tcpconnect": 0, "tlshandshake": 0}
    )  # versions of OONI's formats inside the test keys
    input: Public[str | None]  # what the nettest was given; null where it takes nothing
    measurement_start_time: Date  # UTC, "2026-11-24 13:05:00"; what `t0` and `t` count from
    probe_asn: VantagePoint[str] = Field(pattern=r"^AS(0|[1-9][0-9]*)$")  # "AS44244"; AS0: unknown or withheld
    probe_cc: VantagePoint[str] = Field(pattern=r"^[A-Z0-9]{2}$")  # ISO 3166; ZZ: unknown or withheld; XX: the lab
    probe_ip: Withheld[Literal["127.0.0.1"]] = "127.0.0.1"  # always this one
    probe_network_name: VantagePoint[str] = ""  # who runs the AS
    report_id: Public[str] = ""  # given by a collector; "" before that
    resolver_asn: VantagePoint[str] = "AS0"  # of the system resolver
    resolver_ip: Withheld[Literal["127.0.0.2"]] = "127.0.0.2"  # always this one
    resolver_network_name: VantagePoint[str] = ""  # who runs that AS
    software_name: Public[Literal["censorprobe"]] = "censorprobe"  # who wrote the line
    software_version: Public[str]  # it also says which schema holds: the newest that is not newer
    test_keys: dict[str, Any]  # what the nettest and the runner saw: testkeys.py
    test_name: Public[str] = Field(pattern=r"^[a-z0-9_]{2,30}$")  # the nettest; it says which test keys there are
    test_runtime: Seconds  # of this measurement
    test_start_time: Date  # UTC, when the run began; the same on every line of a run
    test_version: Public[str]  # OONI's where the nettest is OONI's
