"""docs/settings.md, made from the settings themselves: `make docs`. A test compares the two."""

from __future__ import annotations

import sys

from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from core.settings import Settings, variable_name

HEADER = """# Settings

Made from `core/settings.py` by `make docs`; edit the sentences there.

Every setting is an environment variable. The defaults run on a laptop. A secret may instead be kept in a file: set the
name with `_FILE` to its path (any setting can be read so). A misspelt variable stops start-up.

| variable | default | meaning |
| --- | --- | --- |
"""


def render() -> str:
    """The whole page, as Markdown."""
    rows = []
    for name, field in Settings.model_fields.items():
        if field.default is PydanticUndefined:
            default = "required"
        else:
            default = f"`{field.default}`" if field.default not in (None, "") else ""
        secret = " (secret)" if SecretStr in (field.annotation, *getattr(field.annotation, "__args__", ())) else ""
        text = (field.description or "").replace("|", "\\|")
        rows.append(f"| `{variable_name(name)}` | {default} | {text}{secret} |\n")
    return HEADER + "".join(rows)


if __name__ == "__main__":
    sys.stdout.write(render())
