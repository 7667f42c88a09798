"""Compare verdict records with the expectations of a scenario."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

INVALID = "invalid"  # a verdict without a state
State = Literal[
    "blocked", "likely_blocked", "degraded", "filtered_locally", "impaired", "down", "ok", "insufficient", "invalid"
]
Place = Literal[
    "this_computer", "home_network", "resolver_of_choice", "access_provider", "beyond", "service", "unknown"
]
Reason = Literal["captive_portal", "vpn", "clock", "no_network", "tls_interception", "probe_bug"]


class Expectation(BaseModel):
    """Hold the expected keys of one service's verdict record. Keys that are None are not compared."""

    model_config = ConfigDict(extra="forbid", strict=True)

    state: State | list[State] | None = Field(
        default=None, description='the state, or a list of allowed states, with "invalid" for none'
    )
    mechanisms: list[str] | None = Field(default=None, description="exactly these, in any order")
    anomalies: list[str] | None = Field(default=None, description="exactly these, in any order")
    rule_id: str | None = Field(default=None, description="the rule that decided")
    cause_place: Place | list[Place] | None = Field(
        default=None, description="where the cause lies, or a list of allowed places"
    )
    hop: int | Literal["censor", "none"] | None = Field(
        default=None, description='the TTL in `hop`, or "censor" for the hop of the usual censor, or "none" for no hop'
    )
    valid: bool | None = Field(default=None, description="false: the state must be null")
    invalid_reason: Reason | None = Field(default=None, description="the reason of an invalid verdict")

    def hop_in(self, censor_hop: int | None) -> int | None:
        """Return the expected hop if the usual censor is on hop `censor_hop`. None: no hop, or not compared."""
        return self.hop if isinstance(self.hop, int) else censor_hop if self.hop == "censor" else None

    def compared(self) -> Iterable[tuple[str, Any]]:
        """Yield each compared key with its expected value."""
        wanted = {name: getattr(self, name) for name in type(self).model_fields}
        if self.state is not None and self.valid is None and INVALID not in self.state:
            wanted["valid"] = True
        if wanted["valid"] is False:
            yield "state", None
        yield from ((name, value) for name, value in wanted.items() if value is not None)


class NetworkExpectation(BaseModel):
    """Hold the expected verdict about the network of the run."""

    model_config = ConfigDict(extra="forbid", strict=True)

    regime: str = Field(description='the main regime, or "unknown"')
    restrictions: list[str] = Field(default=[], description="the other regimes that hold, exactly these, in any order")


_ALLOWED = frozenset({"state", "cause_place"})
"""The keys of which a list holds the allowed values. Other lists hold what must be found, in any order."""

NETWORK = "network"
"""Name of the expectation about the network, and what differences call it."""


def expectation_for(service: str, expect: Mapping[str, Expectation]) -> Expectation | None:
    """Return the expectation for a service ("target/role"). None: nothing is compared.

    The service's own key comes first, then "target/*", then "default".
    """
    target = service.rpartition("/")[0]
    return next((expect[key] for key in (service, f"{target}/*", "default") if key in expect), None)


@dataclass(frozen=True)
class Difference:
    """Record one key whose value differs from the expected one."""

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
    """Return the differences between verdict records and the expectations for `services` ("target/role").

    A service with an expectation and without a record is a difference. `censor_hop` is the hop that "censor" means.
    """
    by_service: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        by_service.setdefault(str(record.get("service")), []).append(record)
    found: list[Difference] = []
    for service in sorted(services):
        wanted = expectation_for(service, expect)
        if wanted is not None and service not in by_service:
            found.append(Difference(service, "verdict", "a verdict", "none"))
        elif wanted is not None:
            for record in by_service[service]:
                found += _compare(service, wanted, record, censor_hop)
    return found


def network_differences(wanted: NetworkExpectation | None, records: Iterable[Mapping[str, Any]]) -> list[Difference]:
    """Return the differences between the verdict about the network and its expectation. No verdict is a difference."""
    if wanted is None:
        return []
    found = next((record for record in records if is_about_network(record)), None)
    if found is None:
        return [Difference(NETWORK, "verdict", "a verdict", "none")]
    pairs = {"regime": wanted.regime, "restrictions": wanted.restrictions}
    return [
        Difference(NETWORK, key, _text(value), _text(found.get(key)))
        for key, value in pairs.items()
        if not _holds(key, value, found.get(key))
    ]


def is_about_network(record: Mapping[str, Any]) -> bool:
    """Return whether a record is the verdict about the network of a run."""
    return record.get("test_name") == "network_regime"


def _compare(
    service: str, wanted: Expectation, record: Mapping[str, Any], censor_hop: int | None
) -> Iterable[Difference]:
    for key, value in wanted.compared():
        seen = record.get(key)
        if key == "state" and value is not None:
            seen = seen or INVALID
        elif key == "hop":
            seen, value = (seen or {}).get("ttl"), wanted.hop_in(censor_hop)
        if not _holds(key, value, seen):
            yield Difference(service, key, _text(value), _text(seen))


def _holds(key: str, value: Any, seen: Any) -> bool:
    if key in _ALLOWED and isinstance(value, list):
        return seen in value
    if isinstance(value, list):
        return isinstance(seen, list) and sorted(value) == sorted(seen)
    return bool(value == seen)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
