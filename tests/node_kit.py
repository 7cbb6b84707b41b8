"""Programs from npm that the tests talk to (tests/node/package.json, installed by `make node`).

Where node or they are missing, tests skip and say so; in CI they fail.
"""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest

from tests.sql_constants import ROOT

NODE = shutil.which("node")
MODULES = ROOT / ".venv" / "node" / "node_modules"
SCRIPTS = Path(__file__).resolve().parent / "node"


def needs_npm(*packages: str) -> pytest.MarkDecorator:
    """For `pytestmark` of a module whose tests use these packages."""
    missing = [name for name in packages if NODE is None or not (MODULES / name).is_dir()]
    return pytest.mark.skipif(
        bool(missing) and os.environ.get("CI") != "true",
        reason=f"node or npm's {', '.join(missing)} is missing (make node)",
    )


def node_environment() -> dict[str, str]:
    """The environment in which node finds them."""
    assert NODE is not None, "CI needs node: apt-get install nodejs npm, then make node"
    return {**os.environ, "NODE_PATH": str(MODULES)}


def free_port() -> int:
    """A port of loopback that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
