"""Test that no two modules, and no two public classes, of the product have one name.

A reader who searches for a name then finds one thing. Modules that do one thing in several layers mirror each other on
purpose and are listed here. `shared_names.txt` lists what still has to be renamed in `analysis` and `lab`. It only
shrinks: an entry that shares its name with nothing else any more must be removed.
"""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ROOT / "probe"
LEFT = Path(__file__).parent / "shared_names.txt"

MIRRORED: dict[str, tuple[str, ...]] = {
    "a protocol: its bytes, its steps, its entries, its dialogue, the lab's server": (
        *("dialogue/calls.py", "formats/exchanges/calls.py"),
        *("dialogue/mail.py", "formats/exchanges/mail.py", "lab/services/mail.py"),
        *("dialogue/quic.py", "steps/quic/quic.py", "lab/services/quic/quic.py"),
        *("dialogue/web.py", "lab/services/web.py"),
        *("steps/tls/client_hello.py", "wire/tls/client_hello.py", "wire/dtls/client_hello.py"),
        *("wire/tls/records.py", "wire/dtls/records.py"),
        *("steps/dns/doh.py", "lab/services/dns/doh.py"),
        *("steps/calls/dtls.py", "lab/services/dtls.py"),
        *("steps/calls/sip.py", "lab/services/sip.py"),
        *("steps/calls/stun.py", "wire/stun.py", "lab/services/stun.py"),
        *("steps/calls/reflector.py", "wire/telegram/reflector.py", "lab/services/reflector.py"),
        *("steps/calls/media.py", "formats/exchanges/media.py"),
        *("steps/mail/imap.py", "wire/mail/imap.py"),
        *("steps/mail/smtp.py", "wire/mail/smtp.py"),
        *("steps/messengers/mtproto.py", "wire/telegram/mtproto.py"),
        *("steps/messengers/noise.py", "wire/whatsapp/noise.py"),
        *("steps/tls/tls.py", "formats/exchanges/tls.py"),
        *("steps/transfer.py", "formats/exchanges/transfer.py", "wire/transfer.py"),
    ),
    "a nettest, and the lab's server or the import of its measurements": (
        *("nettests/telegram.py", "lab/services/messengers/telegram.py"),
        *("nettests/whatsapp.py", "lab/services/messengers/whatsapp.py"),
        *("nettests/web_connectivity.py", "analysis/ooni_import/web_connectivity.py"),
    ),
    "the two ends of an exchange with the helper": (
        *("control/ooni_request.py", "helper/ooni_request.py"),
        *("followups/udp_echo.py", "helper/udp_echo.py"),
    ),
    "what the run does, and its constants that the analysis uses too": (
        *("session/parallel_hellos.py", "signatures/parallel_hellos.py"),
        *("followups/run_flows/kept_connections.py", "signatures/kept_connections.py"),
        *("followups/transfers.py", "formats/followups/transfers.py"),
        *("analysis/phenomena/own_load.py", "signatures/own_load.py"),
        *("followups/near_reactions.py", "formats/exchanges/near_reactions.py", "signatures/near_reactions.py"),
    ),
    "a command, and what it calls": (
        *("cli/data/cite.py", "analysis/store/cite.py"),
        *("cli/data/compare.py", "analysis/compare/compare.py"),
        *("cli/data/events.py", "analysis/compare/over_time/events.py"),
        *("cli/data/export.py", "analysis/store/export.py"),
        *("cli/data/ingest.py", "analysis/store/writing/ingest.py"),
        *("cli/data/series.py", "analysis/compare/over_time/series.py"),
        *("cli/lab/score.py", "lab/scoring/score.py"),
        *("cli/run/run.py", "lab/run.py"),
    ),
}


def modules() -> Iterator[str]:
    for path in sorted(PRODUCT.rglob("*.py")):
        if not path.name.startswith("__"):
            yield path.relative_to(PRODUCT).as_posix()


def classes() -> Iterator[str]:
    """Yield the public classes at the top of each module, as `path:Name`."""
    for path in sorted(PRODUCT.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield f"{path.relative_to(PRODUCT).as_posix()}:{node.name}"


def name_of(thing: str) -> str:
    """Return the name that must be unique: the class, or the module without its folder."""
    return thing.rpartition(":")[2] if ":" in thing else Path(thing).stem


def shared(things: Iterable[str]) -> Mapping[str, list[str]]:
    """Return the things of each name that more than one has."""
    found: dict[str, list[str]] = defaultdict(list)
    for thing in things:
        found[name_of(thing)].append(thing)
    return {name: those for name, those in found.items() if len(those) > 1}


def collisions(things: Iterable[str], left: set[str]) -> list[str]:
    """Return the names that several things have, without those that mirror each other and those that are left."""
    mirrored = {path for paths in MIRRORED.values() for path in paths}
    found = []
    for name, those in shared(things).items():
        rest = [each for each in those if each not in left]
        unexplained = [each for each in rest if each not in mirrored]
        if unexplained and len(rest) > 1:
            found.append(f"{name}: {', '.join(rest)}")
    return found


def entries() -> set[str]:
    lines = LEFT.read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def test_no_two_modules_have_one_name() -> None:
    assert collisions(modules(), entries()) == []


def test_no_two_public_classes_have_one_name() -> None:
    assert collisions(classes(), entries()) == []


def test_entry_that_is_left_still_shares_its_name() -> None:
    """Remove the entries that this test names from `shared_names.txt`."""
    still = {each for things in (modules(), classes()) for those in shared(things).values() for each in those}
    assert sorted(entries() - still) == []
    assert all(each.startswith(("analysis/", "lab/")) for each in entries())


def test_mirrored_modules_exist_and_mirror_another() -> None:
    named = [path for paths in MIRRORED.values() for path in paths]
    assert sorted(set(named) - set(modules())) == []
    assert len(named) == len(set(named)) and set(named) == {each for those in shared(named).values() for each in those}


def test_second_module_and_second_class_of_one_name_are_found() -> None:
    assert collisions(["run/plan.py", "lab/synth/plan.py"], set()) == ["plan: run/plan.py, lab/synth/plan.py"]
    assert collisions(["run/plan.py", "lab/synth/plan.py"], {"lab/synth/plan.py"}) == []
    assert collisions(["wire/stun.py", "steps/calls/stun.py"], set()) == []
    assert collisions(["wire/stun.py", "steps/calls/stun.py", "session/stun.py"], set()) != []
    assert collisions(["ui/a.py:Question", "helper/b.py:Question"], set()) != []
