"""The JSON line (OONI df-000): one nettest, run once, against one target, from one vantage point."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

DATE_FORMAT = "%Y-%m-%d %H:%M:%S"  # df-000: UTC, no fraction, no T, no Z


def ooni_date(moment: datetime) -> str:
    """Write a moment as OONI does."""
    return moment.astimezone(UTC).strftime(DATE_FORMAT)


Date = Annotated[datetime, PlainSerializer(ooni_date)]


class Measurement(BaseModel):
    """One line of a results file. `test_keys` is what the nettest and the runner built; see probe/README.md."""

    model_config = ConfigDict(extra="forbid")

    annotations: dict[str, str] = Field(default_factory=dict)
    data_format_version: Literal["0.2.0"] = "0.2.0"
    extensions: dict[str, int] = Field(
        default_factory=lambda: {"dnst": 0, "httpt": 0, "netevents": 0, "tcpconnect": 0, "tlshandshake": 0}
    )
    input: str | None
    measurement_start_time: Date
    probe_asn: str = Field(pattern=r"^AS(0|[1-9][0-9]*)$")
    probe_cc: str = Field(pattern=r"^[A-Z0-9]{2}$")
    probe_ip: Literal["127.0.0.1"] = "127.0.0.1"
    probe_network_name: str = ""
    report_id: str = ""
    resolver_asn: str = "AS0"
    resolver_ip: str = "127.0.0.2"
    resolver_network_name: str = ""
    software_name: Literal["censorprobe"] = "censorprobe"
    software_version: str
    test_keys: dict[str, Any]
    test_name: str = Field(pattern=r"^[a-z0-9_]{2,30}$")
    test_runtime: float
    test_start_time: Date
    test_version: str
