"""docs/openapi.json, made from the operations themselves: `make docs`. A test compares the two."""

from __future__ import annotations

import json
import sys

from checkin.api import OPERATIONS
from registry.openapi import document


def render() -> str:
    """The whole file."""
    return json.dumps(document(OPERATIONS), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    sys.stdout.write(render())
