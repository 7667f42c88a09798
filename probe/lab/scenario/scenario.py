"""Load scenario files and check every key.

The keys are those of docs/contract.md, section 11. An error names the file, the key and what was expected.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from probe.files import read_toml
from probe.lab.censors import CLASSES, Middlebox
from probe.lab.scenario import datagram_faults as datagram_faults  # registers its kinds
from probe.lab.scenario.bundled_scenarios import FOLDER, scenario_names
from probe.lab.scenario.expectations import NETWORK, Expectation, NetworkExpectation
from probe.lab.scenario.faults import KINDS, Fault
from probe.lab.scenario.scenario_keys import HelperKeys, Page, PathKeys, RunKeys
from probe.messages import listed, tr
from probe.targets.url_lists import web_endpoint

Model = TypeVar("Model", bound=BaseModel)


class ScenarioError(ValueError):
    """Report a scenario file or name that cannot be used. The text is a message for the user, in one line."""


class _File(BaseModel):
    """Hold the top level of a scenario file."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(description="one or two sentences")
    look_alike: str = Field(default="", description="the condition that looks like censorship and is none")
    depth: Literal["standard", "deep"] = Field(default="standard", description="probe run --depth")
    targets: list[str] = Field(default=[], description="names of targets; empty: all that are on by default")
    seed_varies: bool = Field(default=True, description="false: hops, TTLs and round trip are the same for every seed")
    path: dict[str, Any] = Field(default={}, description="the hops to the servers")
    censor: list[dict[str, Any]] = Field(default=[], description="the censors")
    fault: list[dict[str, Any]] = Field(default=[], description="the faults that are no censorship")
    page: list[dict[str, Any]] = Field(default=[], description="additional web addresses")
    helper: dict[str, Any] = Field(default={}, description="the test helper")
    run: dict[str, Any] = Field(default={}, description="limits and interruption of the probe")
    expect: dict[str, dict[str, Any]] = Field(
        description='the verdict per "target/role" or "target/*", or default, or network'
    )


@dataclass(frozen=True)
class Scenario:
    """Hold one scenario as loaded.

    `expect` has the keys "target/role", "target/*" and "default". `expect_network` is the table `[expect.network]`.
    `look_alike` is empty where a censor interferes.
    """

    name: str
    title: str
    look_alike: str = ""
    depth: Literal["standard", "deep"] = "standard"
    targets: tuple[str, ...] = ()
    seed_varies: bool = True
    path: PathKeys = field(default_factory=PathKeys)
    censors: tuple[Middlebox, ...] = ()
    faults: tuple[Fault, ...] = ()
    pages: tuple[Page, ...] = ()
    helper: HelperKeys = field(default_factory=HelperKeys)
    run: RunKeys = field(default_factory=RunKeys)
    expect: dict[str, Expectation] = field(default_factory=dict)
    expect_network: NetworkExpectation | None = None


def find_scenario(wanted: str, folder: Path = FOLDER) -> Path:
    """Return the file of a scenario, given by name or as a path that ends in .toml.

    Raises ScenarioError for an unknown name, with the most similar one.
    """
    if wanted.endswith(".toml"):
        return Path(wanted)
    path = folder / f"{wanted}.toml"
    if path.parent != folder or not path.is_file():
        sentence = tr("There is no scenario '{name}'. `probe lab list` prints all of them.", name=wanted)
        raise ScenarioError(_with_hint(sentence, wanted, scenario_names(folder)))
    return path


def load_scenario(path: Path) -> Scenario:
    """Load one scenario file. Raises ScenarioError."""
    file = _validate(_File, _read(path), path, "")
    return Scenario(
        name=path.stem,
        title=file.title,
        look_alike=file.look_alike,
        depth=file.depth,
        targets=tuple(file.targets),
        seed_varies=file.seed_varies,
        path=_validate(PathKeys, file.path, path, "path"),
        censors=tuple(
            _pick(CLASSES, "class", table, path, f"censor[{number}]") for number, table in enumerate(file.censor, 1)
        ),
        faults=tuple(
            _pick(KINDS, "kind", table, path, f"fault[{number}]") for number, table in enumerate(file.fault, 1)
        ),
        pages=tuple(_page(table, path, f"page[{number}]") for number, table in enumerate(file.page, 1)),
        helper=_validate(HelperKeys, file.helper, path, "helper"),
        run=_validate(RunKeys, file.run, path, "run"),
        expect={
            service: _validate(Expectation, table, path, f'expect."{_service(service, path)}"')
            for service, table in file.expect.items()
            if service != NETWORK
        },
        expect_network=_network(file.expect.get(NETWORK), path),
    )


def _network(table: dict[str, Any] | None, path: Path) -> NetworkExpectation | None:
    return None if table is None else _validate(NetworkExpectation, table, path, f"expect.{NETWORK}")


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_toml(path)[1]
    except OSError as error:
        sentence = tr("{path}: the scenario file cannot be read ({reason}).", path=path, reason=error.strerror)
        raise ScenarioError(sentence) from None
    except UnicodeDecodeError:
        raise ScenarioError(tr("{path}: the file is not UTF-8 text. Expected a TOML file.", path=path)) from None
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(tr("{path}: the file is not valid TOML ({reason}).", path=path, reason=error)) from None


def _page(table: dict[str, Any], path: Path, key: str) -> Page:
    page = _validate(Page, table, path, key)
    try:
        web_endpoint(page.url)
    except ValueError as error:
        raise ScenarioError(
            tr("{path}: {key}.url is not usable ({reason}).", path=path, key=key, reason=error)
        ) from None
    return page


def _service(name: str, path: Path) -> str:
    if name != "default" and name.count("/") != 1 and "://" not in name:
        sentence = tr(
            '{path}: expect."{name}" is no service. Expected a name such as "telegram/web", or default.',
            path=path,
            name=name,
        )
        raise ScenarioError(sentence)
    return name


def _pick(known: dict[str, type[Model]], by: str, table: dict[str, Any], path: Path, key: str) -> Model:
    """Return the object of one `[[censor]]` or `[[fault]]`. The key `by` names its class."""
    name, names = table.get(by), ", ".join(sorted(known))
    if name is None:
        raise ScenarioError(
            tr("{path}: {key}.{by} is missing. Expected one of {names}.", path=path, key=key, by=by, names=names)
        )
    if not isinstance(name, str) or name not in known:
        sentence = tr(
            "{path}: {key}.{by} has the unknown value '{value}'. Expected one of {names}.",
            path=path,
            key=key,
            by=by,
            value=name,
            names=names,
        )
        raise ScenarioError(_with_hint(sentence, str(name), known))
    return _validate(known[name], {k: v for k, v in table.items() if k != by}, path, key)


def _validate(model: type[Model], table: dict[str, Any], path: Path, prefix: str) -> Model:
    try:
        return model.model_validate(table)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
    key = ".".join(filter(None, [prefix, *(str(part) for part in first["loc"] if not _is_branch(part))]))
    if first["type"] == "extra_forbidden":
        names = sorted(model.model_fields)
        sentence = tr(
            "{path}: {key} is an unknown key. Expected one of {names}.", path=path, key=key, names=listed(names)
        )
        raise ScenarioError(_with_hint(sentence, str(first["loc"][-1]), names))
    if first["type"] == "missing":
        meaning = _meaning(model, first["loc"])
        raise ScenarioError(tr("{path}: {key} is missing. Expected: {meaning}", path=path, key=key, meaning=meaning))
    raise ScenarioError(
        tr(
            "{path}: {key} has the wrong value {value} ({reason}).",
            path=path,
            key=key,
            value=repr(first["input"]),
            reason=first["msg"],
        )
    )


def _is_branch(part: int | str) -> bool:
    """Return whether pydantic names a branch of a union here, and no key of the file."""
    return isinstance(part, str) and ("[" in part or part in {"str", "bool"})


def _meaning(model: type[BaseModel], where: tuple[int | str, ...]) -> str:
    known = model.model_fields.get(str(where[0]))
    return (known.description if known and len(where) == 1 else None) or "a value"


def _with_hint(sentence: str, wanted: str, names: Iterable[str]) -> str:
    near = get_close_matches(wanted, list(names), 1)
    return " ".join([sentence, *(tr("Did you mean '{name}'?", name=name) for name in near)])
