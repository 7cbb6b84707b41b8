"""The one-file extension mechanism: a feed, a channel is one new file that is found by itself.

An import error stops start-up: a channel that vanishes silently is a person who is not told.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Any


def discover(package: ModuleType, name: str) -> dict[str, Any]:
    """The object called `name` of every module in `package`, keyed by module name, in name order.

    Raises ImportError if a module fails to import, AttributeError naming the file if it lacks `name`.
    """
    found: dict[str, Any] = {}
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda i: i.name):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        if not hasattr(module, name):
            raise AttributeError(f"{module.__file__}: an extension of {package.__name__} must define {name}")
        found[info.name] = getattr(module, name)
    return found
