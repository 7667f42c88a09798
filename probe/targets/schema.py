"""The grammar of target files: which keys there are, and one sentence for what is wrong with a file."""

import tomllib
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

File = TypeVar("File", bound=BaseModel)


class TargetError(ValueError):
    """A target file or name that cannot be used; its text is one sentence for the user."""


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class EndpointTable(Strict):
    url: str
    ooni: bool = False
    source: str | None = None


class ServiceTable(Strict):
    works_if: Literal["all", "any"] = "all"
    endpoints: list[str | EndpointTable] = Field(min_length=1)


class TargetFile(Strict):
    nettest: str
    title: str
    source: str
    reviewed: date
    retired: date | None = None
    successor: str | None = None
    default: bool = True
    lab: bool = True
    roots: str | None = Field(default=None, pattern=r"^[a-z0-9_-]+\.pem$")
    services: dict[str, ServiceTable] = Field(min_length=1)

    @field_validator("services")
    @classmethod
    def _plain_roles(cls, services: dict[str, ServiceTable]) -> dict[str, ServiceTable]:
        for role in services:
            if not role.replace("_", "").isalnum() or role != role.lower():
                raise ValueError(f"role {role!r}: expected lower-case letters, digits and underscores")
        return services


class PortalTable(Strict):
    url: str
    status: int
    body: str = ""
    source: str | None = None


class NeutralFile(Strict):
    title: str
    source: str
    reviewed: date
    innocuous: list[str] = Field(min_length=1)
    nonexistent: str
    endpoints: list[str | EndpointTable] = Field(min_length=1)
    portal: list[PortalTable] = Field(default_factory=list)
    dark: str | None = None


def read_toml(path: Path) -> tuple[bytes, dict[str, Any]]:
    try:
        raw = path.read_bytes()
        return raw, tomllib.loads(raw.decode())
    except OSError as error:
        raise TargetError(f"{path}: cannot be read ({error.strerror}); expected a TOML file") from None
    except UnicodeDecodeError:
        raise TargetError(f"{path}: is not UTF-8 text; expected a TOML file") from None
    except tomllib.TOMLDecodeError as error:
        raise TargetError(f"{path}: is not valid TOML: {error}") from None


def validate(model: type[File], table: dict[str, Any], path: Path) -> File:
    try:
        return model.model_validate(table)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])  # a typo explains the rest
        key = ".".join(str(part) for part in first["loc"] if part not in {"str", "EndpointTable"}) or "(top level)"
        if first["type"] == "extra_forbidden":
            names = sorted(_table_at(first["loc"], model).model_fields)
            near = get_close_matches(str(first["loc"][-1]), names, 1)
            raise TargetError(f"{path}: {key}: unknown key; expected one of {', '.join(names)}" + hint(near)) from None
        raise TargetError(f"{path}: {key}: {first['msg'][0].lower() + first['msg'][1:]}") from None


def _table_at(loc: tuple[int | str, ...], top: type[BaseModel]) -> type[BaseModel]:
    """The table that holds the key at `loc`."""
    if "EndpointTable" in loc:
        return EndpointTable
    inner: dict[str, type[BaseModel]] = {"services": ServiceTable, "portal": PortalTable}
    return inner.get(str(loc[0]), top) if len(loc) > 1 else top


def hint(near: list[str]) -> str:
    return f" (did you mean {near[0]!r}?)" if near else ""
