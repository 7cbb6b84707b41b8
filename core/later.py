"""Imports a heavy module when it is first used: the service answers a quarter of a second sooner, small commands too.

    if TYPE_CHECKING:
        import shapely
    else:
        shapely = Later("shapely")

Only for modules that some processes never need, or not before the first page is out.
"""

from __future__ import annotations

import importlib
from typing import Any


class Later:
    """Stands for a module until one of its names is asked for. Safe between threads: Python locks each import."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self._name), name)
