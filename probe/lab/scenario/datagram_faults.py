"""Define the faults of access lines and home routers that concern UDP. They are the look-alikes of filtered calls."""

from typing import Literal, Self

from pydantic import Field, model_validator

from probe.lab.scenario.faults import Fault


class UDPLoss(Fault, kind="udp_loss"):
    """Lose UDP packets of all kinds on the access line, as bad Wi-Fi does."""

    share: float = Field(default=1.0, gt=0, le=1, description="share of these packets that is lost")
    burst_ms: float | None = Field(
        default=None, gt=0, description="mean milliseconds in which all are lost; else each one by chance"
    )
    direction: Literal["both", "out", "in"] = Field(
        default="both", description="out: the user's packets, in: the servers', or both"
    )
    after: float = Field(default=0.0, ge=0, description="seconds of each flow before its first loss")
    until: float | None = Field(default=None, gt=0, description="seconds of each flow after which it loses none")

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        if self.until is not None and self.until <= self.after:
            raise ValueError("until must be later than after")
        return self


class UDPRate(Fault, kind="udp_rate"):
    """Limit the rate of UDP packets of all kinds on the access line, each way."""

    rate_kbit: float = Field(gt=0, description="rate each way, in kbit/s")
    queue_ms: float = Field(default=0.0, ge=0, le=60000, description="longest queue in milliseconds, 0: no queue")


class UDPDelay(Fault, kind="udp_delay"):
    """Delay UDP packets of all kinds on the access line, each by another time, as busy Wi-Fi does."""

    most_ms: float = Field(gt=0, le=60000, description="longest delay in milliseconds")


class NATRebinding(Fault, kind="nat_rebinding"):
    """Let the home router forget every UDP flow after a time, although packets flow. It then gets another port."""

    after: float = Field(gt=0, description="seconds from the first packet of a flow")


class UDPSize(Fault, kind="udp_size"):
    """Lose UDP packets that are longer than a size on the access line, as a tunnel with a small MTU does.

    Without `most` the size is drawn by the seed, from 100 to 560 bytes.
    """

    most: int | None = Field(default=None, ge=1, description="bytes of payload of the longest packet that passes")
    direction: Literal["both", "out", "in"] = Field(
        default="both", description="out: the user's packets, in: the servers', or both"
    )
