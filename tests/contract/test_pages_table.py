"""ops/pages.tsv: the website's routes as it knows them before it has read the modules of the pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request

from ops.pages_web import FRONT, HEADER, MODULES, TABLE, all_routes, late_routes, render, routes_in
from tests.sql_constants import ROOT


def test_the_table_is_made_from_the_modules() -> None:
    assert TABLE.read_text(encoding="utf-8") == render(), "ops/pages.tsv differs from the modules: run `make docs`"


def test_every_module_with_routes_stands_in_it() -> None:
    parts = ("ops", "checkin", "alerts", "registry")
    files = [file for part in parts for name in ("*web.py", "*api.py") for file in sorted((ROOT / part).glob(name))]
    with_routes = {f"{f.parent.name}.{f.stem}" for f in files if "\nROUTES" in f.read_text(encoding="utf-8")}
    assert with_routes == set(MODULES) and len(MODULES) == len(set(MODULES))


def test_it_says_what_the_modules_say() -> None:
    late = [(r.method, r.path, r.audience) for r in late_routes()]
    assert late == [(r.method, r.path, r.audience) for r in all_routes()]


async def test_a_late_page_is_the_page_itself() -> None:
    late = {(r.method, r.path): r.handler for r in late_routes()}
    request = make_mocked_request("GET", "/healthz")
    assert (await late["GET", "/healthz"](request)).status == 200
    assert late["GET", "/healthz"] is routes_in(FRONT)["GET", "/healthz"].handler, "small, and asked for first"
    assert late["GET", "/sw.js"] is not routes_in("alerts.web")["GET", "/sw.js"].handler
    assert (await late["GET", "/sw.js"](make_mocked_request("GET", "/sw.js"))).status == 200


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "does not begin with the expected columns"),
        (HEADER + "GET\t/x\tops.front_web\tpublic\n", "line 2"),
        (HEADER + "GET\t/x\tops.front_web\tstaff\tking\t\tdaijobu_door\n", "line 2: 'king'"),
    ],
)
def test_a_damaged_table_stops_the_start(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "pages.tsv").write_text(text, encoding="utf-8")
    with pytest.raises(RuntimeError, match=says):
        late_routes(tmp_path / "pages.tsv")
