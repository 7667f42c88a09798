"""List, show and check target files (`probe targets`)."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from probe.cli.completions import complete_target
from probe.cli.options import new_app, opt, targets_folder
from probe.cli.screen import UsageError, say, wrapped
from probe.messages import tr
from probe.targets.chosen_targets import named_targets
from probe.targets.target import Target
from probe.targets.target_error import TargetError
from probe.targets.target_files import load_neutral, load_target, pick_targets, target_names
from probe.targets.titles import shown_title

app = new_app()
Folder = Annotated[Path | None, opt("--targets", help="Folder of target files instead of the bundled.")]


@app.callback()
def targets() -> None:
    """List, show and check what is measured."""


@app.command("list")
def list_all(
    targets: Folder = None, json: Annotated[bool, opt("--json", help="Print one JSON object per target.")] = False
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
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name or title of the target.", autocompletion=complete_target)
    ],
    targets: Folder = None,
    json: Annotated[bool, opt("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show one target: services, endpoints, sources."""
    target = _named(targets_folder(targets), name)
    if json:
        from json import dumps

        print(dumps(_as_object(target)))
        return
    facts = {
        "title": shown_title(target.title),
        "name": target.name,
        "nettest": target.nettest,
        "date": target.reviewed,
    }
    say(sys.stdout, tr("{title} ({name}), nettest {nettest}, reviewed {date}", **facts))
    say(sys.stdout, tr("source {source}", source=target.source))
    for role, service in target.services.items():
        if service.works_if == "all":
            heading = tr("{service} works if all of these work:", service=f"{target.name}/{role}")
        else:
            heading = tr("{service} works if any of these works:", service=f"{target.name}/{role}")
        say(sys.stdout, "\n" + heading)
        for endpoint in service.endpoints:
            say(sys.stdout, f"  {endpoint.url}" + (f"   {endpoint.source}" if endpoint.source else ""))


@app.command()
def check(
    folder: Annotated[Path | None, typer.Argument(metavar="FOLDER", help="Folder (default: the bundled one).")] = None,
    sources: Annotated[bool, opt("--sources", help="Require a source for every group of endpoints.")] = False,
    store_ids: Annotated[bool, opt("--store-ids", help="Ask Apple's store whether it knows the ids of apps.")] = False,
    server: Annotated[str | None, opt("--server", help="Address of another server than Apple's, for tests.")] = None,
    yes: Annotated[bool, opt("--yes", help="Do not ask.")] = False,
) -> None:
    """Check every file of a folder, and name file, key, problem and expected value.

    Only `--store-ids` contacts a server.
    """
    problems = list(_problems(targets_folder(folder), sources))
    if store_ids and not problems:
        from probe.cli.stores.ids import id_problems

        problems = id_problems(targets_folder(folder), server, yes)
    for problem in problems:
        say(sys.stderr, f"probe: {problem}")
    if problems:
        raise typer.Exit(6)
    say(sys.stdout, tr("All files in {folder} are valid.", folder=targets_folder(folder)))


def _load(folder: Path, names: list[str] | None = None) -> list[Target]:
    from probe.nettests import NETTESTS

    try:
        return pick_targets(folder, names if names is not None else target_names(folder), frozenset(NETTESTS))
    except TargetError as error:
        raise UsageError(str(error), 2) from None


def _named(folder: Path, name: str) -> Target:
    """Load the one target that has this name or title. Raises UsageError."""
    try:
        names = named_targets(folder, [name])
    except TargetError as error:
        raise UsageError(str(error), 2) from None
    if len(names) != 1:
        raise UsageError(tr("Name one target. `probe targets list` prints all targets."), 2)
    return _load(folder, names)[0]


def _line(target: Target) -> str:
    about = [] if target.default else [tr("only if named")]
    about += [tr("retired {date}", date=target.retired)] if target.retired else []
    return f"{shown_title(target.title)}: {', '.join(target.services)}" + (f" ({'; '.join(about)})" if about else "")


def _as_object(target: Target) -> dict[str, Any]:
    services = {
        role: {"works_if": service.works_if, "endpoints": [endpoint.url for endpoint in service.endpoints]}
        | ({"media": service.media} if service.media else {})
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
    found: list[str] = (
        [] if names else [tr("{folder} has no target. Expected one TOML file per target.", folder=folder)]
    )
    for name in names:
        found += _one_file(folder / f"{name}.toml", frozenset(NETTESTS), sources)
    if "resolvers" not in names:
        missing = folder / "resolvers.toml"
        found.append(tr("{path} is missing. Every run needs its list of public resolvers.", path=missing))
    try:
        load_neutral(folder / "neutral.toml")
    except TargetError as error:
        found.append(str(error))
    if (folder / "stores.toml").exists():  # only `probe stores` needs it
        from probe.targets.store_file import store_problems

        found += store_problems(folder, names, sources)
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
    """Return the sources that are no URL: the target's own, and those of endpoints that have one."""
    sources = [("source", target.source)]
    sources += [
        (f"services.{service.role}: {endpoint.url}: source", endpoint.source)
        for service, endpoint in target.endpoints()
        if endpoint.source is not None
    ]
    return [
        tr("{key}: {source} is no URL. Use the page that the address was read from.", key=key, source=repr(source))
        for key, source in sources
        if not _is_page(source)
    ]


def _is_page(text: str) -> bool:
    return any(word.startswith(("https://", "http://")) for word in text.split())
