"""Every recorded document of every feed against tests/contract/golden_jma.txt and golden_others.txt.

Checked by eye against the XML on 22 November 2026 (tests/contract/test_shared_telegrams.py names single areas):

- the foreshock of 14 April 2016: the 374 municipalities by intensity, Mashiki at 7, Kashima's silent station;
- 14 June 2008: VXSE52, VXSE53 1 to 3, VXSE61 and their cancellations, with every 追加, 上方修正 and 未入電;
- 11 March 2011: VXSE51, VXSE53, the five VTSE41 with NaN magnitudes and their kinds by LastKind, VTSE51 and VTSE52;
- the level-5 rain of Fukui, 30 August 2026: the nine municipalities warned, of seventeen;
- the VXKO of the river Taihei, 30 July 2026: head, gauge, main text, Akita as the municipality, and its lifting;
- the VXSU of Miyagi, 10 July 2023: two parts of Taiwa and all of Ohira at level 2;
- the tsunami of 9 October 2023: all six VTSE41, from two coasts to nine and back to forecasts;
- every telegram of 訓練, 試験, 取消 and 訂正, listed below;
- of the other sources: Canada's snowfall in two languages as one event of two shapes, the two CAP quakes without a
  severity or an extent, USGS's Tohoku with all its ids and its renamed event; P2PQuake against JMA's own telegrams is a
  test of its own (tests/unit/test_p2pquake.py);
- VFVO50 of Asama (level 3, four municipalities) and Hakone (level 5, one), VFVO56 of Ontake (four), VPHW51 of Tokyo.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from feeds.inspect import inspect_file
from tests.feed_golden import GOLDEN, OTHERS, others, render, render_others, samples
from tests.telegrams import SHARED

pytestmark = pytest.mark.skipif(not samples(), reason=f"the recorded telegrams are not here: {SHARED}")


@pytest.mark.parametrize(("file", "made"), [(GOLDEN, render), (OTHERS, render_others)], ids=["jma", "others"])
def test_every_document_says_what_it_said(file: Path, made: Callable[[], str]) -> None:
    golden = file.read_text(encoding="utf-8")
    now = made()
    changed = "\n".join(difflib.unified_diff(golden.splitlines(), now.splitlines(), "golden", "now", lineterm="", n=1))
    assert not changed, f"if meant, run `python -m tests.feed_golden` and read the difference:\n{changed[:3000]}"


def test_only_what_is_no_report_cannot_be_read() -> None:
    assert "unreadable" not in render()
    reasons = dict(re.findall(r"^(\S+)\n  unreadable: (.*)$", render_others(), re.MULTILINE))
    foreign = {"usgs/" + path.name for path in others() if path.name.startswith(("fdsn_count", "shakemap_"))}
    no_report = {name for name, why in reasons.items() if why.startswith("not a report of a feed we know")}
    assert no_report <= foreign
    assert set(reasons) - no_report == {"cap/invalid.cap", "cap/xee.cap"}


#: Every sample that is no ordinary issue: file -> (status, message type, whether it makes an event).
SPECIAL = {
    "02_04_02_201224_VGSK55.xml": ("actual", "correct", False),
    "32-35_01_02_240613_VXSE52.xml": ("exercise", "issue", True),
    "32-35_01_03_240613_VXSE53.xml": ("exercise", "issue", True),  # nothing but Control/Status says so
    "32-35_06_02_100915_VXSE52.xml": ("actual", "cancel", True),
    "32-35_06_06_100915_VXSE53.xml": ("actual", "cancel", True),
    "32-35_06_10_100915_VXSE61.xml": ("actual", "cancel", True),
    "32-35_09_02_220316_VXSE56.xml": ("actual", "cancel", False),
    "32-39_12_02_250206_VTSE41.xml": ("exercise", "issue", True),
    "32-39_12_03_250206_VTSE51.xml": ("exercise", "update", True),
    "32-39_12_05_250206_VTSE52.xml": ("exercise", "update", True),
    "32-39_12_06_250206_VTSE51.xml": ("exercise", "update", True),
    "32-39_12_07_250206_VTSE41.xml": ("exercise", "issue", True),
    "32-39_12_08_250206_VTSE51.xml": ("exercise", "update", True),
    "32-39_12_10_250206_VTSE51.xml": ("exercise", "update", True),
    "32-39_12_11_250206_VTSE51.xml": ("exercise", "update", True),
    "32-39_12_12_250206_VTSE51.xml": ("exercise", "update", True),
    "32-39_12_13_250206_VTSE41.xml": ("exercise", "lift", True),
    "32-39_12_14_250206_VTSE51.xml": ("exercise", "update", True),
    "36_01_33_240613_VXSE44.xml": ("actual", "cancel", False),
    "37_01_03_240613_VXSE43.xml": ("actual", "cancel", False),
    "38_01_01_250710_VTSE51.xml": ("exercise", "update", True),
    "43_02_01_200522_VFVO52.xml": ("actual", "correct", True),
    "43_03_01_200522_VFVO52.xml": ("actual", "cancel", True),
    "54_01_01_100514_VXSE42.xml": ("test", "issue", False),
    "77_01_33_240613_VXSE45.xml": ("actual", "cancel", False),
}


def test_exercises_tests_corrections_and_cancellations() -> None:
    words = ("<Status>訓練<", "<Status>試験<", "<InfoType>取消<", "<InfoType>訂正<")
    marked = [path for path in samples() if any(word in path.read_text(encoding="utf-8") for word in words)]
    found = {}
    for path in marked:
        shown = inspect_file(path)
        found[path.name] = (shown["status"], shown["message_type"], bool(shown["events"]))
        if shown["message_type"] == "cancel":
            assert all(event["areas"] == [] for event in shown["events"])
    assert found == SPECIAL


def test_inspect_prints_json_and_a_reason_for_what_it_ignores() -> None:
    for path in samples()[::10]:
        shown = json.loads(json.dumps(inspect_file(path), ensure_ascii=False))
        assert "error" not in shown
        assert bool(shown["events"]) != bool(shown["ignored"])
