"""Load the description of a synthetic world: a bundled one by name, or a TOML file."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from probe.files import read_toml
from probe.lab.synth.synthetic_conditions import CENSORSHIP, LOOK_ALIKES
from probe.messages import listed, tr
from probe.results import reason_of

FOLDER = Path(__file__).parent / "worlds"
INDEPENDENT = "independent"
Share = Annotated[float, Field(ge=0, le=1)]


class WorldError(ValueError):
    """Report a world that cannot be used, with one sentence for the user."""


class Users(BaseModel):
    """Hold `[users]`: how users differ. Without this table each measurement has a user of its own."""

    model_config = ConfigDict(extra="forbid")

    pareto: float = Field(gt=0.5, le=10, description="exponent of the Pareto distribution of runs per user")
    most_runs: int = Field(ge=1, le=10_000, description="most runs of a user")
    days: float = Field(gt=0, le=1000, description="mean days from the first to the last run of a user")
    filtered: Share = Field(description="share of users behind a local filter")
    filters: list[str] = Field(min_length=1, description="what local filters do, as scenarios of the lab")
    wrong_clocks: Share = Field(description="share of users whose clock is wrong by minutes or hours")
    tokens: Share = Field(default=0.0, description="share of users whose measurements have a contributor token")
    very_wrong_clocks: Share = Field(description="share of users whose clock is wrong by days")


class Keys(BaseModel):
    """Hold the keys of a world file."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(description="one sentence")
    blocks_in_one_network: Share = Field(description="share of blocks in a single network of a country")
    shutdowns: int = Field(ge=0, le=20, description="countries without measurements for some days")
    helper_outages: int = Field(ge=0, le=10, description="periods in which the test helper does not answer")
    look_alikes: list[str] = Field(description="conditions of single runs that accuse no service")
    share_of_look_alikes: Share = Field(description="share of runs in such a condition")
    users: Users | None = Field(default=None, description="how users differ")


_KNOWN = ", ".join([*Keys.model_fields, *(f"users.{name}" for name in Users.model_fields)])


@dataclass(frozen=True)
class World:
    """Hold a world with its name, which is the stem of its file."""

    name: str
    keys: Keys


def world_names() -> list[str]:
    """Return the names of the bundled worlds, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_world(wanted: str) -> World:
    """Load a world by name, or from a path that ends in .toml. Raises WorldError."""
    if not wanted.endswith(".toml") and wanted not in world_names():
        raise WorldError(
            tr(
                "There is no world '{name}'. Use one of {known}, or a file that ends in .toml.",
                name=wanted,
                known=listed(world_names()),
            )
        )
    path = Path(wanted) if wanted.endswith(".toml") else FOLDER / f"{wanted}.toml"
    keys = _parsed(path)
    _check("look_alikes", keys.look_alikes, LOOK_ALIKES, path)
    if keys.users is not None:
        _check("users.filters", keys.users.filters, [scenario for scenario, _ in CENSORSHIP], path)
    return World(path.stem, keys)


def _parsed(path: Path) -> Keys:
    try:
        return Keys.model_validate(read_toml(path)[1])
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key, reason = ".".join(map(str, first["loc"])), first["msg"]
    except OSError as error:
        raise WorldError(tr("{path} cannot be read: {reason}.", path=path, reason=reason_of(error))) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WorldError(tr("{path} is not valid TOML: {reason}", path=path, reason=error)) from None
    raise WorldError(
        tr(
            "{path}: the key {key} is wrong: {reason}. Known keys: {known}.",
            path=path,
            key=key,
            reason=reason,
            known=_KNOWN,
        )
    )


def _check(key: str, names: list[str], known: Sequence[str], path: Path) -> None:
    for name in names:
        if name not in known:
            raise WorldError(
                tr(
                    "{path}: {key} has the unknown name '{name}'. Use some of {known}.",
                    path=path,
                    key=key,
                    name=name,
                    known=listed(known),
                )
            )
