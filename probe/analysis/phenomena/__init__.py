"""Define the phenomena: one module per kind of evidence, with all that it adds to the analysis.

Importing this package imports all its modules. Each phenomenon registers itself in `PHENOMENA`.
"""

from importlib import import_module
from pkgutil import iter_modules

from probe.analysis.phenomena.phenomenon import PHENOMENA, Phenomenon

__all__ = ["PHENOMENA", "Phenomenon", "in_order"]

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")


def in_order() -> list[Phenomenon]:
    """Return the phenomena in the order of their `place`."""
    return sorted(PHENOMENA.values(), key=lambda each: (each.place, each.name))
