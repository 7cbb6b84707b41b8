"""`main.py geo ACTION`: bring in tables, polygons, hazard zones and shelters. One module of ops/ per action."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from typing import Final

from core.settings import Settings

#: Action -> (the module with `add_arguments(parser)` and `async run(settings, arguments) -> int`, what it does).
ACTIONS: Final[dict[str, tuple[str, str]]] = {
    "shelters": ("ops.geo_shelters", "bring in lists of designated shelters (GSI's CSV files)"),
    "towns": ("ops.geo_towns", "bring in points of towns, so that postal codes and addresses are known more exactly"),
    "update": ("ops.geo_update", "fetch newer area tables of JMA and boundaries of N03; say what changed for whom"),
    "zones": ("ops.geo_zones", "bring in flood and landslide areas (MLIT's A31a and A33), and compare every place"),
}


async def geo_command(settings: Settings, rest: Sequence[str]) -> int:
    """Run one action. Only its own module is read, so that a small command starts at once."""
    parser = argparse.ArgumentParser(prog="main.py geo", description="Where people are, and what threatens the place.")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    wanted = rest[0] if rest else ""
    for name, (module, about) in ACTIONS.items():
        action = actions.add_parser(name, help=about, description=about)
        if name == wanted:
            importlib.import_module(module).add_arguments(action)
    arguments = parser.parse_args(rest)
    result: int = await importlib.import_module(ACTIONS[arguments.action][0]).run(settings, arguments)
    return result
