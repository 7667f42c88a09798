"""Name the licences under which measurements are shared. docs/data-licence.md gives the reasons."""

from collections.abc import Iterable
from dataclasses import dataclass

OURS = "censorprobe"
_OF_OONI = ("ooni", "miniooni")  # first letters of `software_name`


@dataclass(frozen=True, slots=True)
class Licence:
    """Hold a licence. `id` is the one of SPDX in lower case, `terms` its name with what a reader must know."""

    id: str
    name: str
    address: str
    terms: str


OF_OONI = Licence(
    "cc-by-nc-sa-4.0",
    "CC BY-NC-SA 4.0",
    "https://creativecommons.org/licenses/by-nc-sa/4.0/",
    "CC BY-NC-SA 4.0 (OONI, https://github.com/ooni/license, data/LICENSE.md)",
)
OF_OURS = Licence(
    "cc-by-4.0",
    "CC BY 4.0",
    "https://creativecommons.org/licenses/by/4.0/",
    "CC BY 4.0 (measurements of censorprobe, unless their publisher states another licence: docs/data-licence.md)",
)


def licences_of(programs: Iterable[str]) -> list[Licence]:
    """Return the licences of measurements, given the names of the programs that made them. Others have none known."""
    names = set(programs)
    theirs = [OF_OONI] if any(name.startswith(_OF_OONI) for name in names) else []
    return theirs + ([OF_OURS] if OURS in names else [])
