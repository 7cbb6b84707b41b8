"""Long work says how far it is: in a log by a plain line now and then."""

from __future__ import annotations

import io

from core.progress import show_progress


def test_a_log_gets_plain_lines() -> None:
    out = io.StringIO()
    show = show_progress(out, every_s=0.0)
    show("reading", 50, 200)
    show("reading", 200, 200)
    assert out.getvalue() == "reading: 50 of 200 rows\nreading: 200 of 200 rows\n"


def test_bytes_are_shown_as_megabytes_and_an_unknown_end_is_left_out() -> None:
    out = io.StringIO()
    show_progress(out, unit="B", every_s=0.0)("https://example.jp/a.zip", 1_500_000, 0)
    show_progress(out, unit="", every_s=0.0)("features", 7, 0)
    assert out.getvalue() == "https://example.jp/a.zip: 1.5 MB\nfeatures: 7\n"


def test_a_log_is_not_flooded() -> None:
    out = io.StringIO()
    show_progress(out, every_s=1e9)("reading", 1, 2)
    assert out.getvalue() == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar() -> None:
    out = Terminal()
    show = show_progress(out)
    show("reading", 1, 2)
    show("reading", 2, 2)
    assert "reading" in out.getvalue() and "100%" in out.getvalue()
