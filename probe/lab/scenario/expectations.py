"""Which verdicts a scenario must lead to, and in what the verdicts that came differ."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

State = Literal["blocked", "likely_blocked", "degraded", "impaired", "down", "ok", "insufficient"]
Reason = Literal["captive_portal", "vpn", "clock", "no_network", "tls_interception", "probe_bug"]


class Expectation(BaseModel):
    """What one service's verdict record must hold; what is not given is not compared."""

    model_config = ConfigDict(extra="forbid", strict=True)

    state: State | list[State] | None = Field(default=None, description="the state, or a list of those allowed")
    mechanisms: list[str] | None = Field(default=None, description="exactly these, in any order")
    anomalies: list[str] | None = Field(default=None, description="exactly these, in any order")
    rule_id: str | None = Field(default=None, description="the rule that decided")
    hop: int | Literal["censor", "none"] | None = Field(
        default=None, description='hop.ttl; "censor": wherever the seed puts the usual censor; "none": no hop at all'
    )
    valid: bool | None = Field(default=None, description="false: the state must be null")
    invalid_reason: Reason | None = Field(default=None, description="why the verdict is not valid")

    def hop_in(self, censor_hop: int | None) -> int | None:
        """The hop expected where the seed put the usual censor at `censor_hop`; None: no hop, or any."""
        return self.hop if isinstance(self.hop, int) else censor_hop if self.hop == "censor" else None

    def wishes(self) -> Iterable[tuple[str, Any]]:
        """The keys that are compared, each with what is expected."""
        wanted = {name: getattr(self, name) for name in type(self).model_fields}
        if self.state is not None and self.valid is None:
            wanted["valid"] = True
        if wanted["valid"] is False:
            yield "state", None
        yield from ((name, value) for name, value in wanted.items() if value is not None)


def wanted_for(service: str, expect: Mapping[str, Expectation]) -> Expectation | None:
    """What is expected of a service ("target/role"); None: anything goes."""
    return expect.get(service, expect.get("default"))


@dataclass(frozen=True)
class Difference:
    """One expectation that does not hold."""

    service: str
    key: str
    expected: str
    found: str


def differences(
    expect: Mapping[str, Expectation],
    services: Sequence[str],
    records: Iterable[Mapping[str, Any]],
    *,
    censor_hop: int | None = None,
) -> list[Difference]:
    """Compare verdict records with what was expected of `services` ("target/role"); each of them needs a record.

    `censor_hop`: what "censor" means in this run.

    Where neither an expectation of its own nor [expect.default] speaks of a service, anything goes.
    """
    by_service: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        by_service.setdefault(str(record.get("service")), []).append(record)
    found: list[Difference] = []
    for service in sorted(services):
        wanted = wanted_for(service, expect)
        if wanted is not None and service not in by_service:
            found.append(Difference(service, "verdict", "a verdict", "none"))
        elif wanted is not None:
            for record in by_service[service]:
                found += _compare(service, wanted, record, censor_hop)
    return found


def _compare(
    service: str, wanted: Expectation, record: Mapping[str, Any], censor_hop: int | None
) -> Iterable[Difference]:
    for key, value in wanted.wishes():
        seen = record.get(key)
        if key == "hop":
            seen, value = (seen or {}).get("ttl"), wanted.hop_in(censor_hop)
        if not _holds(key, value, seen):
            yield Difference(service, key, _say(value), _say(seen))


def _holds(key: str, value: Any, seen: Any) -> bool:
    if key == "state" and isinstance(value, list):
        return seen in value
    if isinstance(value, list):
        return isinstance(seen, list) and sorted(value) == sorted(seen)
    return bool(value == seen)


def _say(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
