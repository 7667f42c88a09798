"""Define the nettests, one file each, and find them by name. README.md holds their specification pages."""

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from probe.targets.target import Target

if TYPE_CHECKING:
    from probe.nettests.nettest import Nettest

NAMES = (
    "dnscheck",
    "echcheck",
    "endpoint_reachability",
    "facebook_messenger",
    "mail_reachability",
    "signal",
    "sip_reachability",
    "stunreachability",
    "telegram",
    "web_connectivity",
    "whatsapp",
)


class _Nettests(Mapping[str, "Nettest"]):
    """Find nettests by the name of their file. A file is imported when its nettest is looked up."""

    def __getitem__(self, name: str) -> "Nettest":
        if name not in NAMES:
            raise KeyError(name)
        found: Nettest = import_module(f"probe.nettests.{name}").NETTEST
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


NETTESTS = _Nettests()


def load_nettests(names: Iterable[str] = NAMES) -> None:
    """Import the nettests of these names. During a run no descriptor may be left for their files."""
    for name in names:
        import_module(f"probe.nettests.{name}")


def lines_of(target: Target) -> list[Target]:
    """Split a target into the parts that get a measurement each.

    OONI's nettest may measure one input per measurement. Then each service is a part. A service is in one part only.
    """
    return [target.only([role]) for role in target.services] if NETTESTS[target.nettest].per_service else [target]
