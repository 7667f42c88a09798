"""Check the ids of stores.toml on the real network: control storefronts must list them with their bundle ids."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from probe.analysis.listings.answers import Answers, answers_of
from probe.cli.screen import UsageError
from probe.cli.stores.asking import NO_ANSWER, agree, ask, stores_of
from probe.formats.store_keys import LEAST_CONTROLS, Store
from probe.messages import tr
from probe.targets.store_file import Stores
from probe.targets.target_error import TargetError
from probe.targets.target_files import load_target


def id_problems(folder: Path, server: str | None, yes: bool) -> list[str]:
    """Ask the control storefronts of Apple, and return a sentence for each id that too few of them confirm.

    The app of a retired target may be gone. Raise UsageError with 3 if the user does not agree, and with 4
    if there are too few usable answers.
    """
    stores = stores_of(folder, server)
    asked: dict[Store, list[str]] = {"apple": list(stores.controls)}
    agree(stores, asked, yes)
    kept: list[Answers] = []

    def keep(document: Mapping[str, Any]) -> None:
        if (answers := answers_of(document)) is not None and answers.usable:
            kept.append(answers)

    now = datetime.now(UTC)
    ask(stores, asked, keep, run_id=secrets.token_hex(8), start=now, artificial=server is not None)
    if len(kept) < LEAST_CONTROLS:
        raise UsageError(
            tr(
                "Only {count} control storefronts gave a usable answer. At least {least} are needed."
                " Try again in an hour.",
                count=len(kept),
                least=LEAST_CONTROLS,
            ),
            NO_ANSWER,
        )
    return list(_unconfirmed(folder, stores, kept))


def _unconfirmed(folder: Path, stores: Stores, kept: list[Answers]) -> list[str]:
    counts = {app.name: 0 for app in stores.apps}
    for answers in kept:
        for entry in answers.entries:
            counts[entry.app] = counts.get(entry.app, 0) + (entry.listed and entry.same_bundle)
    return [
        tr(
            "{path}, app {name}: {count} of {all} control storefronts list the id {id} with the bundle id {bundle}."
            " At least {least} are needed.",
            path=folder / "stores.toml",
            name=app.name,
            count=counts[app.name],
            all=len(kept),
            id=app.id,
            bundle=app.bundle,
            least=LEAST_CONTROLS,
        )
        for app in stores.apps
        if counts[app.name] < LEAST_CONTROLS and not _is_retired(folder, app.target)
    ]


def _is_retired(folder: Path, target: str | None) -> bool:
    """Return whether the target of an app is retired. A file that cannot be read has its own sentence."""
    if target is None:
        return False
    try:
        return load_target(folder / f"{target}.toml").retired is not None
    except TargetError:
        return False
