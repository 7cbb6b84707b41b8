"""Files that are no list: each ends in one sentence, in a process whose memory and time are limited."""

from __future__ import annotations

import io
import zipfile

import pytest

from core.i18n import Catalogs
from registry.import_process import Limits, Wanted, read_file
from registry.rows import PersonRow
from registry.sheet import UnreadableTable
from registry.table import read_sheets, short_name
from tests.imports_kit import workbook

LIST = "氏名,電話番号\nグエン・テスト,090-1234-5601\n"
STRICT = Wanted(supported=("vi", "en"), strict=True)


def zipped(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/"), content)
    return out.getvalue()


def with_cell(cell: bytes) -> bytes:
    """A workbook whose cell B2 is this XML."""
    plain = workbook([["氏名", "部屋"], ["Thu", "REPLACED"]])
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(plain)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for info in source.infolist():
            content = source.read(info)
            if info.filename == "xl/worksheets/sheet1.xml":
                start = content.index(b'<c r="B2"')
                content = content[:start] + cell + content[content.index(b"</c>", start) + 4 :]
            archive.writestr(info.filename, content)
    return out.getvalue()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"\x00\x00\x00", "empty"),
        ("氏名,寮\n".encode(), "no_people"),
        (workbook([["氏名", "寮"]]), "no_people"),
        (workbook([]), "empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "locked"),
        (b"%PDF-1.7\n", "pdf"),
        (b"\x89PNG\r\n", "photo"),
        (b"<!DOCTYPE html><table><tr><td>x", "web_page"),
        (b'<?xml version="1.0"?><Workbook>', "web_page"),
        (zipped(**{"Index/Document.iwa": b"x"}), "numbers"),
        (zipped(**{"content.xml": b"x"}), "other_spreadsheet"),
        (zipped(**{"word/document.xml": b"x"}), "word"),
        (zipped(**{"list.csv": LIST.encode()}), "packed"),
        (workbook([["氏名"], ["A"]])[:900], "broken_xlsx"),
        (zipped(**{"xl/workbook.xml": b"x", "xl/a.xml": b"0" * 50_000_000}), "unpacks_too_large"),
        (zipped(**{"xl/workbook.xml": b"x"} | {f"xl/{n}.xml": b"" for n in range(600)}), "unpacks_too_large"),
        (("名,氏名" + ",x" * 300 + "\n").encode(), "too_many_columns"),
        (b"\x80\x81\xff\xfd" * 9, "encoding"),
        (('氏名,寮\nThu,"光寮\n' + "A,B\n" * 20).encode(), "broken_row"),
        ("氏名,電話,携帯\nA,1,2\n".encode(), "duplicate_heading"),
        ("電話,寮\n1,2\n".encode(), "no_name_column"),
    ],
)
async def test_every_bad_file_has_a_sentence(body: bytes, code: str) -> None:
    with pytest.raises(UnreadableTable) as caught:
        await read_file(body, "../../etc/passwd\u202e\x00.xlsx", STRICT)
    assert caught.value.code == code
    catalogs = Catalogs.load()
    for language in ("ja", "en"):
        said = catalogs.say(language, caught.value.key, **caught.value.values)
        assert said and "staff." not in said and "\u202e" not in said and ".." not in said


@pytest.mark.parametrize(
    "body",
    [
        LIST.encode(),
        b"\xef\xbb\xbf" + LIST.encode(),
        LIST.encode("cp932"),
        b"\xef\xbb\xbf" + LIST.encode("cp932"),
        LIST.encode("utf-16"),
        LIST.encode("utf-16-le"),
        LIST.encode("utf-16-be"),
        LIST.encode("euc_jp"),
        LIST.encode("iso2022_jp"),
        LIST.replace(",", "\t").encode("cp932"),
        LIST.replace(",", ";").encode(),
        LIST.replace("\n", "\r").encode("cp932"),
        ("題,,\n\n" + LIST).encode("cp932"),
        LIST.replace("\n", "\r\n").encode(),
    ],
)
def test_the_encodings_and_separators_of_offices(body: bytes) -> None:
    (sheet,) = read_sheets(body, "list.csv")
    assert sheet.rows[-1].cells[:2] == ("グエン・テスト", "090-1234-5601")


async def one(body: bytes) -> PersonRow:
    return (await read_file(body, "list.xlsx", STRICT)).people[0]


@pytest.mark.parametrize(
    ("cell", "room", "code"),
    [
        (b'<c r="B2"><f>1+2</f><v>3</v></c>', "3", ""),
        (b'<c r="B2" t="str"><f>HYPERLINK("http://x")</f><v>101</v></c>', "101", ""),
        (b'<c r="B2" t="e"><f>A9</f><v>#REF!</v></c>', "", "cell_error"),
        (b'<c r="B2" t="e"><v>#N/A</v></c>', "", "cell_error"),
        (b'<c r="B2"><f>1+2</f><v></v></c>', "", "not_calculated"),
        (b'<c r="B2"><f>1+2</f></c>', "", "not_calculated"),
    ],
)
async def test_of_a_formula_the_value_counts_and_an_error_is_named(cell: bytes, room: str, code: str) -> None:
    person = await one(with_cell(cell))
    assert person.room == room
    assert [p.code for p in person.problems if p.code.startswith(("cell", "not"))] == ([code] if code else [])
    assert not code or ("field", "部屋") in next(p.values for p in person.problems if p.code == code)


async def test_the_text_of_a_formula_is_never_taken_for_a_value() -> None:
    person = await one('氏名,部屋,電話番号\nThu,"=cmd|x",="09012345601"\n'.encode())
    assert person.room == "" and person.contacts[0].address == "+819012345601"
    assert "formula_text" in [p.code for p in person.problems]


async def test_who_needs_too_much_memory_or_time_is_ended_and_told() -> None:
    small, big = workbook([["氏名"], ["A"]]), workbook([["氏名"], *([f"Person {n}" * 60] for n in range(40_000))])
    narrow = Limits(memory=100_000_000)
    assert len((await read_file(small, "x.xlsx", STRICT, limits=narrow)).people) == 1
    with pytest.raises(UnreadableTable, match="needs_too_much"):
        await read_file(big, "x.xlsx", STRICT, limits=narrow)
    with pytest.raises(UnreadableTable, match="takes_too_long"):
        await read_file(big, "x.xlsx", STRICT, limits=Limits(seconds=0.01))


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\lists\\名簿.xlsx", "名簿.xlsx"),
        ("a\x00b.csv", "ab.csv"),
        ("名簿\u202excod.csv", "名簿xcod.csv"),
        ("..", ""),
        ("/", ""),
        ("x" * 300, "x" * 60),
    ],
)
def test_a_clients_file_name_is_only_ever_shown(sent: str, shown: str) -> None:
    assert short_name(sent) == shown
