"""Builds the seeds of the corpus from the fixtures written in this repository: `python tests/fuzz/build_corpus.py`.

Whole fixtures would be the same bytes twice and make every replay slow: of each, only as much is kept as its structure
needs (blank text and repeated siblings go). Files named found-* came out of the fuzzer and are never touched.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from lxml import etree

HERE = Path(__file__).resolve().parent
SAMPLES = HERE.parent / "samples" / "feeds"
CORPUS = HERE / "corpus"
#: Siblings of one name that say the same to a parser.
SIBLINGS = 2
#: Damage that every XML parser must have seen.
ODD_XML = {
    "doctype": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    "doctype-utf16": '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'.encode("utf-16"),
    "html": b"<!doctype html><html><head><title>503</title></head><body>Sorry</body></html>",
    "deep": b"<a>" * 300 + b"</a>" * 300,
    "charset": '<?xml version="1.0" encoding="Shift_JIS"?><Report>気象</Report>'.encode(),
    "no-charset": b'<?xml version="1.0" encoding="x-none"?><Report/>',
    "empty": b"",
    "nul": b"<Report>\0</Report>",
    "bom": b"\xef\xbb\xbf<Report xmlns='http://xml.kishou.go.jp/jmaxml1/'/>",
}
ODD_JSON = {
    "empty": b"",
    "html": b"<html>502</html>",
    "deep": b"[" * 3000,
    "null": b"null",
    "list": b"[]",
    "nan": b'{"code":551,"id":NaN}',
    "nul": rb'{"code":551,"id":"\u0000"}',
    "surrogate": rb'{"code":551,"id":"\ud800"}',
    "digits": b'{"code":' + b"9" * 5000 + b"}",
    "latin": b'{"code":551,"id":"\xe9"}',
}


def smaller_xml(body: bytes) -> bytes:
    """The document without blank text and without the third and later of alike siblings."""
    root = etree.fromstring(body, etree.XMLParser(remove_blank_text=True, remove_comments=True))
    for parent in list(root.iter(etree.Element)):
        seen: dict[Any, int] = {}
        for child in list(parent):
            shape = (child.tag, tuple(grandchild.tag for grandchild in child))
            seen[shape] = seen.get(shape, 0) + 1
            if seen[shape] > SIBLINGS:
                parent.remove(child)
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


def smaller_json(body: bytes) -> bytes:
    """The document without blanks and with at most two items in each list of objects."""

    def shrink(value: Any) -> Any:
        if isinstance(value, list):
            cut = value[:SIBLINGS] if value and isinstance(value[0], dict) else value
            return [shrink(item) for item in cut]
        return {key: shrink(item) for key, item in value.items()} if isinstance(value, dict) else value

    return json.dumps(shrink(json.loads(body)), ensure_ascii=False, separators=(",", ":")).encode()


def seeds(name: str) -> dict[str, bytes]:
    """File name -> bytes of the seeds of one target, from its fixtures (tests/samples/feeds/<name>)."""
    found: dict[str, bytes] = {}
    odd: dict[str, bytes] = {}
    for path in sorted((SAMPLES / name).rglob("*")):
        if path.suffix in (".xml", ".cap", ".rss", ".atom"):
            odd = ODD_XML
            try:
                found[path.stem] = smaller_xml(path.read_bytes())
            except etree.XMLSyntaxError:
                found[path.stem] = path.read_bytes()
        elif path.suffix in (".json", ".geojson"):
            odd = ODD_JSON
            found[path.stem] = smaller_json(path.read_bytes())
    return {**found, **{f"odd-{key}": body for key, body in odd.items()}}


def atom_seeds() -> dict[str, bytes]:
    """Lists as JMA's host makes them."""
    namespace = "http://www.w3.org/2005/Atom"
    entry = (
        "<entry><title>震源・震度に関する情報</title><id>https://feed.example/data/20260831181840_0_VXSE53_010000.xml</id>"
        "<updated>2026-08-31T18:18:40Z</updated><author><name>気象庁</name></author>"
        '<link type="application/xml" href="../data/20260831181840_0_VXSE53_010000.xml"/></entry>'
    )
    found = {
        "list": f'<feed xmlns="{namespace}" lang="ja"><title>高頻度</title>{entry}</feed>'.encode(),
        "no-link": f'<feed xmlns="{namespace}">{entry.replace("<link", "<other")}</feed>'.encode(),
        "brackets": f'<feed xmlns="{namespace}">{entry.replace("../data", "http://[::1/data")}</feed>'.encode(),
        "no-zone": f'<feed xmlns="{namespace}">{entry.replace("40Z", "40")}</feed>'.encode(),
    }
    return {**found, **{f"odd-{key}": body for key, body in ODD_XML.items()}}


def main() -> None:
    """Write every seed anew; findings stay."""
    names = {path.name for path in SAMPLES.iterdir() if path.is_dir()} | {"atom"}
    total = 0
    for name in sorted(names):
        folder = CORPUS / name
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            if not old.name.startswith("found-"):
                old.unlink()
        made = {**seeds(name), **(atom_seeds() if name == "atom" else {})}
        unique = {hashlib.sha256(body).digest(): key for key, body in sorted(made.items(), reverse=True)}
        for key in unique.values():
            (folder / key).write_bytes(made[key])
        size = sum(path.stat().st_size for path in folder.iterdir())
        total += size
        print(f"{name}: {len(unique)} seeds, {size} bytes")
    print(f"together {total} bytes")


if __name__ == "__main__":
    main()
