"""Define the keys of target files, and describe what is wrong with a file."""

import tomllib
from datetime import date
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, IPvAnyAddress, ValidationError, field_validator

from probe.files import read_toml as read_bounded
from probe.formats.call_kinds import AppShape
from probe.messages import listed, tr
from probe.targets.needs import Need
from probe.targets.target_error import MOST_ENDPOINTS, MOST_SERVICES, TargetError, hint

File = TypeVar("File", bound=BaseModel)


class Strict(BaseModel):
    """Hold a table in which unknown keys are errors."""

    model_config = ConfigDict(extra="forbid")


class EndpointTable(Strict):
    """Hold an endpoint that is written as a table: its URL, whether OONI's probe asks it too, and its source."""

    url: str
    ooni: bool = False
    source: str | None = None


class ServiceTable(Strict):
    """Hold the table `[services.ROLE]`: its endpoints, how their verdicts are combined, and what it is needed for."""

    works_if: Literal["all", "any"] = "all"
    needs: list[Need] = Field(default_factory=list)
    media: AppShape | None = None
    endpoints: list[str | EndpointTable] = Field(min_length=1)


class TargetFile(Strict):
    """Hold a target file, which describes one product and its services (docs/contract.md, section 5)."""

    nettest: str
    title: str
    source: str
    reviewed: date
    retired: date | None = None
    successor: str | None = None
    default: bool = True
    lab: bool = True
    roots: str | None = Field(default=None, pattern=r"^[a-z0-9_-]+\.pem$")
    services: dict[str, ServiceTable] = Field(min_length=1, max_length=MOST_SERVICES)

    @field_validator("services")
    @classmethod
    def _plain_roles(cls, services: dict[str, ServiceTable]) -> dict[str, ServiceTable]:
        for role in services:
            if not role.replace("_", "").isalnum() or role != role.lower():
                raise ValueError(
                    tr("role {role}: expected lower-case letters, digits and underscores", role=repr(role))
                )
        if sum(len(service.endpoints) for service in services.values()) > MOST_ENDPOINTS:
            raise ValueError(tr("more than {count} endpoints in all services", count=MOST_ENDPOINTS))
        return services


class PortalTable(Strict):
    """Hold the table `[[portal]]` of neutral.toml: a page whose answer differs where a captive portal sends it."""

    url: str
    status: int
    body: str = ""
    source: str | None = None


class HomeTable(Strict):
    """Hold the table `[[home]]` of neutral.toml: a host that is tested only from its own country."""

    country: str = Field(pattern=r"^[A-Z]{2}$")
    url: str
    source: str
    addresses: list[IPvAnyAddress] = Field(default_factory=list)


class PortHostTable(Strict):
    """Hold the table `[[port_host]]` of neutral.toml: a server with many open ports. Without `ports`, all are open."""

    host: str = Field(pattern=r"^[a-z0-9.-]+$")
    ports: list[int] = Field(default_factory=list)
    source: str


class NeutralFile(Strict):
    """Hold the file neutral.toml: hosts that no censor has a reason to block, and what the preflight needs."""

    title: str
    source: str
    reviewed: date
    innocuous: list[str] = Field(min_length=1)
    nonexistent: str
    endpoints: list[str | EndpointTable] = Field(min_length=1)
    portal: list[PortalTable] = Field(default_factory=list)
    dark: str | None = None
    reachability: list[str | EndpointTable] = Field(default_factory=list)
    by_address: list[str | EndpointTable] = Field(default_factory=list)
    port_host: list[PortHostTable] = Field(default_factory=list)
    home: list[HomeTable] = Field(default_factory=list)


class AdvertisementTable(Strict):
    """Hold the table `[[advertisement]]` of filters.toml."""

    name: str = Field(pattern=r"^[a-z0-9.-]+$")
    source: str


class ListedFilterTable(Strict):
    """Hold the table `[[resolver]]` of filters.toml."""

    title: str
    addresses: list[IPvAnyAddress] = Field(min_length=1)
    tests: list[str] = Field(default_factory=list)
    answer: Literal["", "null", "nxdomain"] = ""
    pages: list[IPvAnyAddress] = Field(default_factory=list)
    source: str


class FilterFile(Strict):
    """Hold the file filters.toml."""

    title: str
    source: str
    reviewed: date
    advertisement: list[AdvertisementTable] = Field(default_factory=list)
    resolver: list[ListedFilterTable] = Field(default_factory=list)


class PublicHelperTable(Strict):
    """Hold the table `[[ooni]]` of helpers.toml."""

    url: str = Field(pattern=r"^https://[a-z0-9.-]+$")
    source: str


class HelperFile(Strict):
    """Hold the file helpers.toml."""

    title: str
    source: str
    reviewed: date
    ooni: list[PublicHelperTable] = Field(min_length=1)


def read_toml(path: Path) -> tuple[bytes, dict[str, Any]]:
    """Return the bytes and the content of a TOML file. Raise TargetError."""
    try:
        return read_bounded(path)
    except OSError as error:
        problem = tr("{path}: The file cannot be read ({reason}).", path=path, reason=error.strerror)
        raise TargetError(problem) from None
    except UnicodeDecodeError:
        problem = tr("{path}: The file is not UTF-8 text. Expected: a TOML file.", path=path)
        raise TargetError(problem) from None
    except tomllib.TOMLDecodeError as error:
        raise TargetError(tr("{path}: The file is not valid TOML. {reason}", path=path, reason=error)) from None


def validate(model: type[File], table: dict[str, Any], path: Path) -> File:
    """Return the table as `model`. Raise TargetError with the file, the key and what was expected."""
    if (where := _unprintable(table)) is not None:
        raise TargetError(
            tr("{path}, {key}: The text contains a control character. Expected: printable text.", path=path, key=where)
        )
    try:
        return model.model_validate(table)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        first = next(
            (one for one in errors if one["type"] == "extra_forbidden"), errors[0]
        )  # a misspelt key causes the other errors
        key = ".".join(str(part) for part in first["loc"] if part not in {"str", "EndpointTable"}) or "(top level)"
        if first["type"] == "extra_forbidden":
            names = sorted(_table_at(first["loc"], model).model_fields)
            problem = tr(
                "{path}, {key}: The key is unknown. Expected: {names}.", path=path, key=key, names=listed(names)
            )
            raise TargetError(problem + hint(str(first["loc"][-1]), names)) from None
        raise TargetError(tr("{path}, {key}: {problem}.", path=path, key=key, problem=first["msg"])) from None


def _unprintable(table: dict[str, Any]) -> str | None:
    """Return the place of a key or text with a control character, None if there is none."""
    waiting: list[tuple[str, Any]] = [("", table)]
    while waiting:
        where, value = waiting.pop()
        if isinstance(value, dict):
            if (bad := next((key for key in value if not key.isprintable()), None)) is not None:
                return str(bad)
            waiting += [(f"{where}.{key}" if where else key, inner) for key, inner in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{where}[{number}]", inner) for number, inner in enumerate(value, 1)]
        elif isinstance(value, str) and not value.replace("\n", "").isprintable():
            return where
    return None


def _table_at(loc: tuple[int | str, ...], top: type[BaseModel]) -> type[BaseModel]:
    """Return the table that contains the key at `loc`."""
    if "EndpointTable" in loc:
        return EndpointTable
    inner: dict[str, type[BaseModel]] = {"services": ServiceTable, "portal": PortalTable, "home": HomeTable}
    return inner.get(str(loc[0]), top) if len(loc) > 1 else top
