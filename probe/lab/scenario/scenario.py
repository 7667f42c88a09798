"""Scenario files → Scenario, checked at load; a bad file is answered with file, key, what is wrong and expected."""

import tomllib
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from probe.lab.censors import CLASSES, Middlebox
from probe.lab.scenario.expectations import Expectation
from probe.lab.scenario.faults import KINDS, Fault
from probe.targets.url_lists import web_endpoint

Model = TypeVar("Model", bound=BaseModel)
FOLDER = Path(__file__).parents[1] / "scenarios"


class ScenarioError(ValueError):
    """A scenario file or name that cannot be used; its text is one sentence for the user."""


class PathKeys(BaseModel):
    """`[path]`: the way from the volunteer to the servers."""

    model_config = ConfigDict(extra="forbid", strict=True)

    rtt_ms: float = Field(default=20, gt=0, le=5000, description="round trip in milliseconds")
    loss: float = Field(default=0.0, ge=0, lt=1, description="share of packets lost each way, 0 to 1")
    rate_kbit: float | None = Field(default=None, gt=0, description="rate of the access line, each way")
    before: int | None = Field(default=None, ge=1, le=15, description="hops before the censor; else 3, or by seed")
    after: int | None = Field(default=None, ge=0, le=15, description="hops after the censor; else 2, or by seed")
    silent: list[int] = Field(default=[], description="hops that send no ICMP time exceeded")
    icmp_per_second: float | None = Field(
        default=None, gt=0, description="how many of them each other hop sends at most"
    )


class HelperKeys(BaseModel):
    """`[helper]`: the test helper outside."""

    model_config = ConfigDict(extra="forbid", strict=True)

    up: bool = Field(default=True, description="false: nobody listens at its address")
    form: Literal["own", "ooni"] = Field(default="own", description="how it is asked: in our own form, or in OONI's")
    censored: bool = Field(default=False, description="true: the censor drops what goes to it")
    lies: bool = Field(default=False, description="true: it answers that everything fails")
    reset_names: list[str] = Field(default=[], description="server names that are reset on its own way out")


class RunKeys(BaseModel):
    """`[run]`: what happens to the probe itself, or to whatever is run in its place."""

    model_config = ConfigDict(extra="forbid", strict=True)

    interrupt_after: float | None = Field(
        default=None, gt=0, description="seconds from its first connection to a service to a Ctrl-C"
    )
    open_files: int | None = Field(default=None, ge=16, description="descriptors that it may have open at a time")
    repeat: int = Field(default=1, ge=1, le=10, description="probe run --repeat")


class Page(BaseModel):
    """`[[page]]`: what a web server answers at an address, beside those of the target files."""

    model_config = ConfigDict(extra="forbid", strict=True)

    url: str = Field(description="http:// or https:// address; its host gets a server")
    status: int = Field(default=200, ge=200, le=599, description="status of the answer")
    location: str = Field(default="", description="Location header")
    title: str = Field(default="", description="title of the page")
    body: str = Field(default="", description="text of the page")
    gives_cookie: str = Field(default="", description="Set-Cookie header")
    wants_cookie: str = Field(default="", description="without this cookie the answer is 403")
    for_all: bool = Field(default=False, description="true: its server answers so whatever host and path are asked for")
    measured: bool = Field(default=True, description="whether a run of the scenario measures the address")


class _File(BaseModel):
    """The top level of a scenario file."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(description="one sentence")
    depth: Literal["standard", "deep"] = Field(default="standard", description="probe run --depth")
    targets: list[str] = Field(default=[], description="names of targets; empty: all that are on by default")
    seed_varies: bool = Field(default=True, description="whether a seed other than 0 draws hops, TTLs and round trip")
    path: dict[str, Any] = Field(default={}, description="the way to the servers")
    censor: list[dict[str, Any]] = Field(default=[], description="what stands between")
    fault: list[dict[str, Any]] = Field(default=[], description="what else is wrong")
    page: list[dict[str, Any]] = Field(default=[], description="pages of the web")
    helper: dict[str, Any] = Field(default={}, description="the test helper outside")
    run: dict[str, Any] = Field(default={}, description="what happens to the probe itself")
    expect: dict[str, dict[str, Any]] = Field(description='per "target/role", or default: the verdict that must result')


@dataclass(frozen=True)
class Scenario:
    """One scenario as loaded. `expect` is by service ("target/role") or "default"."""

    name: str
    title: str
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


def scenario_names(folder: Path = FOLDER) -> list[str]:
    """The names of the scenarios that came with the program, sorted."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def find_scenario(wanted: str, folder: Path = FOLDER) -> Path:
    """The file of a scenario given by name or as a path ending in .toml. Raises ScenarioError, with a near name."""
    if wanted.endswith(".toml"):
        return Path(wanted)
    names = scenario_names(folder)
    if wanted not in names:
        hint = _hint(get_close_matches(wanted, names, 1))
        raise ScenarioError(f"unknown scenario {wanted!r}; `probe lab list` names them all{hint}")
    return folder / f"{wanted}.toml"


def load_scenario(path: Path) -> Scenario:
    """Load one scenario file. Raises ScenarioError with one sentence."""
    file = _validate(_File, _read(path), path, "")
    return Scenario(
        name=path.stem,
        title=file.title,
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
        },
    )


def without_censor(scenario: Scenario) -> Scenario:
    """The same run with nothing in its way: no censor, no fault, the usual path, to its end; every service must be ok.

    The helper stays as it is: neither its absence nor its lies may turn a working service into anything else.
    """
    fine = {"default": Expectation(state="ok", mechanisms=[])}
    return replace(scenario, censors=(), faults=(), path=PathKeys(), run=RunKeys(), expect=fine)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read ({error.strerror}); expected a TOML file") from None
    except UnicodeDecodeError:
        raise ScenarioError(f"{path}: is not UTF-8 text; expected a TOML file") from None
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{path}: is not valid TOML: {error}") from None


def _page(table: dict[str, Any], path: Path, key: str) -> Page:
    page = _validate(Page, table, path, key)
    try:
        web_endpoint(page.url)
    except ValueError as error:
        raise ScenarioError(f"{path}: {key}.url: {error}") from None
    return page


def _service(name: str, path: Path) -> str:
    if name != "default" and name.count("/") != 1 and "://" not in name:
        raise ScenarioError(f'{path}: expect."{name}": expected a service, such as "telegram/web", or default')
    return name


def _pick(known: dict[str, type[Model]], by: str, table: dict[str, Any], path: Path, key: str) -> Model:
    """One `[[censor]]` or `[[fault]]`: `by` names the class whose keys the others are."""
    name = table.get(by)
    if not isinstance(name, str) or name not in known:
        wrong = "is missing" if name is None else f"{name!r} is unknown"
        hint = _hint(get_close_matches(str(name), known, 1))
        raise ScenarioError(f"{path}: {key}.{by}: {wrong}; expected one of {', '.join(sorted(known))}{hint}")
    return _validate(known[name], {k: v for k, v in table.items() if k != by}, path, key)


def _validate(model: type[Model], table: dict[str, Any], path: Path, prefix: str) -> Model:
    try:
        return model.model_validate(table)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
    key = ".".join(filter(None, [prefix, *(str(part) for part in first["loc"] if not _is_branch(part))]))
    if first["type"] == "extra_forbidden":
        names = sorted(model.model_fields)
        hint = _hint(get_close_matches(str(first["loc"][-1]), names, 1))
        raise ScenarioError(f"{path}: {key}: unknown key; expected one of {', '.join(names)}{hint}")
    if first["type"] == "missing":
        raise ScenarioError(f"{path}: {key}: is missing; expected {_meaning(model, first['loc'])}")
    raise ScenarioError(f"{path}: {key}: {first['msg'][0].lower() + first['msg'][1:]}, found {first['input']!r}")


def _is_branch(part: int | str) -> bool:
    """Whether pydantic names a branch of a union here rather than a key of the file."""
    return isinstance(part, str) and ("[" in part or part in {"str", "bool"})


def _meaning(model: type[BaseModel], where: tuple[int | str, ...]) -> str:
    known = model.model_fields.get(str(where[0]))
    return (known.description if known and len(where) == 1 else None) or "a value"


def _hint(near: list[str]) -> str:
    return f" (did you mean {near[0]!r}?)" if near else ""
