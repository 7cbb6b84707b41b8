"""The polygons are shared by the event loop and by threads that match: asked at once, they answer, and nothing dies."""

from __future__ import annotations

import subprocess
import sys

from tests.sql_constants import ROOT

#: In a process of its own: without its lock GEOS ends it (an abort, a segmentation fault), and pytest with it.
PROGRAM = """
import threading
import numpy as np
import shapely
from geo.shapes import OutsideJapan, Shapes

ANGLE = np.linspace(0, 2 * np.pi, 20_000, endpoint=False)
FAR = np.random.default_rng(1).uniform(0.4, 0.5, len(ANGLE))
RAGGED = shapely.Polygon(np.column_stack([131 + FAR * np.cos(ANGLE), 33 + FAR * np.sin(ANGLE)]))
WKB = shapely.to_wkb(RAGGED)

def ask(shapes, barrier, answers):
    barrier.wait()
    found = []
    for step in range(30):
        try:
            found.append(shapes.at(33, 131 + step * 0.02).inside)
        except OutsideJapan:
            found.append(None)
    answers.append(found)

for _ in range(15):
    shapes, barrier, answers = Shapes([("4344300", WKB)]), threading.Barrier(4), []
    threads = [threading.Thread(target=ask, args=(shapes, barrier, answers)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4 and all(each == answers[0] for each in answers), "threads disagree"
print("agreed")
"""


def test_many_threads_ask_polygons_that_nobody_has_asked_before() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "agreed\n"), done.stderr[-1000:]
