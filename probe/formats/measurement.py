"""Define the measurement (OONI df-000): one nettest, run once against one target from one vantage point."""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from probe.formats.field_notes import Machine, Ordinal, PrivacyClass, Public, Seconds, VantagePoint, Withheld

DATE_FORMAT = "%Y-%m-%d %H:%M:%S"  # df-000: UTC, no fraction, no T, no Z


def ooni_date(moment: datetime) -> str:
    """Return a moment in OONI's notation."""
    return moment.astimezone(UTC).strftime(DATE_FORMAT)


_WRITTEN_DATE = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$"}
Date = Annotated[datetime, PlainSerializer(ooni_date), WithJsonSchema(_WRITTEN_DATE)]


class Measurement(BaseModel):
    """Record one measurement of a results file."""

    model_config = ConfigDict(extra="forbid", defer_build=True)
    PRIVACY: ClassVar[PrivacyClass] = "network"

    annotations: Machine[dict[str, str]] = Field(default_factory=dict)
    """Platform and engine in the terms of df-000. `lab` or `synthetic` marks an artificial measurement.
    `contributor_token` is equal in all measurements of an installation and a month whose user agreed to it.
    """
    data_format_version: Public[Literal["0.2.0"]] = "0.2.0"  # OONI's version, for the base document
    extensions: Public[dict[str, Ordinal]] = Field(
        default_factory=lambda: {"dnst": 0, "httpt": 0, "netevents": 0, "tcpconnect": 0, "tlshandshake": 0}
    )  # OONI's versions for the formats in the test keys
    input: Public[str | None]  # input of the nettest, null where it takes none
    measurement_start_time: Date  # UTC, "2026-11-24 13:05:00". `t0` and `t` count from it
    probe_asn: VantagePoint[str] = Field(pattern=r"^AS(0|[1-9][0-9]*)$")  # "AS44244" (AS0: unknown or withheld)
    probe_cc: VantagePoint[str] = Field(pattern=r"^[A-Z0-9]{2}$")  # ISO 3166, ZZ if unknown or withheld, XX in the lab
    probe_ip: Withheld[Literal["127.0.0.1"]] = "127.0.0.1"  # constant
    probe_network_name: VantagePoint[str] = ""  # operator of the AS
    report_id: Public[str] = ""  # assigned by a collector, "" before that
    resolver_asn: VantagePoint[str] = "AS0"  # of the system resolver
    resolver_ip: Withheld[Literal["127.0.0.2"]] = "127.0.0.2"  # constant
    resolver_network_name: VantagePoint[str] = ""  # operator of that AS
    software_name: Public[Literal["censorprobe"]] = "censorprobe"  # program that wrote the measurement
    software_version: Public[str]  # it selects the schema: the newest that is not newer
    test_keys: dict[str, Any]  # results of the nettest and of the run, see probe/formats/keys.py
    test_name: Public[str] = Field(pattern=r"^[a-z0-9_]{2,30}$")  # the nettest, which decides the test keys
    test_runtime: Seconds  # of this measurement
    test_start_time: Date  # UTC, start of the run, equal in all measurements of a run
    test_version: Public[str]  # OONI's version for OONI's nettests
