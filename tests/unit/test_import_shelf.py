"""A list is read once: what the reader said for the columns serves the dry run too, if they are the same."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from registry.import_process import ReadFile, Wanted, read_again, read_file
from registry.import_shelf import Shelf
from registry.sheet import UnreadableTable

SUPPORTED = ("vi", "en")
LOOK = Wanted(SUPPORTED, people=False)
LIST = "氏名,言語,電話番号,メモ\n" + "".join(f"Nguyen {n},vi,090-1234-{n:04d},x{n}\n" for n in range(120))
TWICE = "氏名,言語,電話番号,電話番号\nAn,vi,090-1234-0001,090-1234-0002\n"
NAMELESS = "あ,い\nAn,vi\n"


async def look(text: str) -> tuple[ReadFile, list[bytes], list[tuple[int, int]]]:
    """The step that finds the columns: what it knows, what it kept, how far it said it was."""
    lines: list[bytes] = []
    told: list[tuple[int, int]] = []
    read = await read_file(text.encode(), "a.csv", LOOK, keep=lines, progress=lambda *far: told.append(far))
    return read, lines, told


async def test_the_dry_run_takes_what_the_reader_said_while_the_columns_were_looked_at() -> None:
    read, lines, told = await look(LIST)
    assert read.people == [] and told[-1] == (120, 120)
    shelf, run = Shelf(), uuid4()
    shelf.put(run, LOOK, read.guess, lines)
    accepted = Wanted(SUPPORTED, read.guess.sheet, read.guess.index)
    kept = shelf.get(run, accepted)
    assert kept is not None
    assert shelf.get(run, Wanted(SUPPORTED)) is kept  # as guessed, said without words
    again, afresh = await read_again(kept), await read_file(LIST.encode(), "a.csv", accepted)
    assert again == afresh and len(again.people) == 120 and again.extra == ("メモ",)


async def test_other_columns_other_runs_and_other_languages_are_read_afresh() -> None:
    read, lines, _ = await look(LIST)
    shelf, run = Shelf(), uuid4()
    shelf.put(run, LOOK, read.guess, lines)
    accepted = Wanted(SUPPORTED, read.guess.sheet, read.guess.index)
    assert shelf.get(uuid4(), accepted) is None
    assert shelf.get(run, replace(accepted, index={**read.guess.index, "room": 3})) is None
    assert shelf.get(run, replace(accepted, sheet=1)) is None
    assert shelf.get(run, replace(accepted, supported=("vi",))) is None
    shelf.drop(uuid4())
    assert shelf.get(run, accepted) is not None
    shelf.drop(run)
    assert shelf.get(run, accepted) is None
    narrow = Shelf(most_bytes=100)
    narrow.put(run, LOOK, read.guess, lines)
    assert narrow.get(run, accepted) is None


@pytest.mark.parametrize("text", [TWICE, NAMELESS])
async def test_where_somebody_must_choose_no_people_are_read_ahead_and_nothing_is_refused(text: str) -> None:
    read, lines, _ = await look(text)
    assert read.guess.columns and not any(b'"people": [' in line for line in lines)
    shelf, run = Shelf(), uuid4()
    shelf.put(run, LOOK, read.guess, lines)
    assert shelf.get(run, Wanted(SUPPORTED)) is None


async def test_without_a_shelf_only_the_guess_is_made_and_who_wants_people_is_told_what_is_wrong() -> None:
    assert (await read_file(LIST.encode(), "a.csv", LOOK)).people == []
    with pytest.raises(UnreadableTable):
        await read_file(NAMELESS.encode(), "a.csv", Wanted(SUPPORTED))
