"""`probe targets`: what is measured, and whether its files are right."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from probe.cli.options import new_app, opt, targets_folder
from probe.cli.screen import UsageError, say, wrapped
from probe.targets.target import Target, TargetError, load_neutral, load_target, pick_targets, target_names

app = new_app()
Folder = Annotated[Path | None, opt("--targets", help="Folder of target files instead of the bundled.")]


@app.callback()
def targets() -> None:
    """List, show and check what is measured."""


@app.command("list")
def list_all(
    targets: Folder = None, json: Annotated[bool, opt("--json", help="Print one JSON object a target.")] = False
) -> None:
    """List every target with its services."""
    for target in _load(targets_folder(targets)):
        if json:
            from json import dumps

            print(dumps({"name": target.name, "title": target.title, "services": list(target.services)}))
        else:
            say(sys.stdout, wrapped(_line(target), 12, f"{target.name:<12}"))


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of the target.")],
    targets: Folder = None,
    json: Annotated[bool, opt("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show one target: services, endpoints, sources."""
    (target,) = _load(targets_folder(targets), [name])
    if json:
        from json import dumps

        print(dumps(_as_object(target)))
        return
    say(sys.stdout, f"{target.title} ({target.name}), measured as {target.nettest}, reviewed {target.reviewed}")
    say(sys.stdout, f"source {target.source}")
    for role, service in target.services.items():
        say(sys.stdout, f"\n{target.name}/{role}  works if {service.works_if} of these do:")
        for endpoint in service.endpoints:
            say(sys.stdout, f"  {endpoint.url}" + (f"   {endpoint.source}" if endpoint.source else ""))


@app.command()
def check(
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="Folder; default: the bundled.")] = None,
    sources: Annotated[bool, opt("--sources", help="Demand a source for every group of endpoints.")] = False,
) -> None:
    """Check every file of a folder; names file, key, what is wrong and what is expected."""
    problems = list(_problems(targets_folder(folder), sources))
    for problem in problems:
        say(sys.stderr, f"probe: {problem}")
    if problems:
        raise typer.Exit(6)
    say(sys.stdout, f"{targets_folder(folder)}: all right")


def _load(folder: Path, names: list[str] | None = None) -> list[Target]:
    from probe.nettests import NETTESTS

    try:
        return pick_targets(folder, names if names is not None else target_names(folder), frozenset(NETTESTS))
    except TargetError as error:
        raise UsageError(str(error), 2) from None


def _line(target: Target) -> str:
    about = [] if target.default else ["only when named"]
    about += [f"retired {target.retired}"] if target.retired else []
    return f"{target.title}: {', '.join(target.services)}" + (f" ({'; '.join(about)})" if about else "")


def _as_object(target: Target) -> dict[str, Any]:
    services = {
        role: {"works_if": service.works_if, "endpoints": [endpoint.url for endpoint in service.endpoints]}
        for role, service in target.services.items()
    }
    return {
        "name": target.name,
        "title": target.title,
        "nettest": target.nettest,
        "source": target.source,
        "reviewed": target.reviewed.isoformat(),
        "digest": target.digest,
        "services": services,
    }


def _problems(folder: Path, sources: bool) -> list[str]:
    from probe.nettests import NETTESTS

    try:
        names = target_names(folder)
    except TargetError as error:
        return [str(error)]
    found: list[str] = [] if names else [f"{folder}: holds no target; expected one TOML file per target"]
    for name in names:
        found += _one_file(folder / f"{name}.toml", frozenset(NETTESTS), sources)
    if "resolvers" not in names:
        found.append(f"{folder / 'resolvers.toml'}: is missing; every run needs its list of public resolvers")
    try:
        load_neutral(folder / "neutral.toml")
    except TargetError as error:
        found.append(str(error))
    return found


def _one_file(path: Path, nettests: frozenset[str] | None, sources: bool) -> list[str]:
    try:
        target = load_target(path, nettests)
    except TargetError as error:
        return [str(error)]
    if not sources:
        return []
    return [f"{path}: {problem}" for problem in _sourceless(target)]


def _sourceless(target: Target) -> list[str]:
    """What has no page behind it: the target's own source must be a URL, and so must every endpoint's that has one."""
    found = (
        [] if _is_page(target.source) else [f"source: {target.source!r} is no URL; expected the page it was read from"]
    )
    for service, endpoint in target.endpoints():
        if endpoint.source is not None and not _is_page(endpoint.source):
            found.append(f"services.{service.role}: {endpoint.url}: source: {endpoint.source!r} is no URL")
    return found


def _is_page(text: str) -> bool:
    return any(word.startswith(("https://", "http://")) for word in text.split())
