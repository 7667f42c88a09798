"""Define the lab's censors: one class per mechanism, whose fields are the keys of a scenario's `[[censor]]`.

Importing this package imports all its modules. Each class registers itself in `CLASSES`.
"""

from importlib import import_module
from pkgutil import iter_modules

from probe.lab.censors.kit.middlebox import CLASSES, Middlebox

__all__ = ["CLASSES", "Middlebox"]

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
