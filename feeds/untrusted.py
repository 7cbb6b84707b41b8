"""Bytes from outside, read so that they cannot hurt: size, depth, entities, charsets, numbers. Pure."""

from __future__ import annotations

import json
import math
from typing import Any, TypeAlias

from lxml import etree

from core.model import UnreadableReport

#: The heaviest telegram (VPWS50) is a little over 4 MB; deeper or larger is not a report.
MAX_BYTES = 8_000_000
MAX_DEPTH = 40
#: Elements and attributes, or JSON values: each takes a hundred bytes and more once it is read, however few it had in
#: the document. A telegram has one per eleven bytes at most, VPWS50 less than 400,000.
MAX_PARTS = 500_000

Element: TypeAlias = etree._Element

_BOM = b"\xef\xbb\xbf"
#: Whether there is an element one level deeper than allowed. In the library: walking the tree here took longer than
#: parsing it.
_TOO_DEEP = etree.XPath(f"boolean(/{'/'.join('*' * (MAX_DEPTH + 1))})")


def parse_xml(body: bytes, *, max_bytes: int = MAX_BYTES) -> Element:
    """The document's root. No DTD, no entities, no network; size, parts and depth are capped.

    Raises UnreadableReport with the reason in one sentence.
    """
    _check_size(body, max_bytes)
    _check_parts(body, b"<=", max_bytes)
    if body[:1000].lower().lstrip(_BOM).lstrip().startswith(b"<!doctype html"):
        raise UnreadableReport("document is an HTML page (an error page?), not a report")
    # Refused before the parser sees it: an internal subset can define entities that expand without end.
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise UnreadableReport("document has a DOCTYPE: refused, telegrams never have one")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, LookupError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UnreadableReport(f"not well-formed XML: {reason}") from None
    # In an encoding other than UTF-8 the DOCTYPE escapes the search above.
    if root.getroottree().docinfo.doctype:
        raise UnreadableReport("document has a DOCTYPE: refused, telegrams never have one")
    if _TOO_DEEP(root):
        raise UnreadableReport(f"elements are nested deeper than {MAX_DEPTH} levels: not a telegram")
    return root


def parse_json(body: bytes, *, max_bytes: int = MAX_BYTES) -> Any:
    """The JSON value of a document (RFC 8259: UTF-8; a byte order mark is tolerated). NaN and infinity are refused.

    Raises UnreadableReport with the reason in one sentence.
    """
    _check_size(body, max_bytes)
    _check_parts(body, b",:[{", max_bytes)
    if body.lstrip(_BOM).lstrip()[:1] == b"<":
        raise UnreadableReport("document is markup (an error page?), not JSON")
    try:
        return json.loads(
            body.decode("utf-8-sig"), parse_constant=_refuse_constant, parse_int=_whole, parse_float=_real
        )
    except UnicodeDecodeError:
        raise UnreadableReport("document is not UTF-8, which JSON must be") from None
    except RecursionError:
        raise UnreadableReport("JSON is nested too deeply: not a report") from None
    except ValueError as error:
        raise UnreadableReport(f"not JSON: {str(error).splitlines()[0]}") from None


def canonical_json(value: Any) -> bytes:
    """One byte string per JSON value, so that the same report over two ways is the same bytes."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    # A lone surrogate ("\ud800") is legal in JSON's escapes and in no UTF-8.
    return text.encode("utf-8", errors="replace")


def number(value: Any) -> float | None:
    """A JSON number as float; None for anything else (true and false are no numbers)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def words(value: Any, limit: int = 500) -> str:
    """A JSON string without surrounding blanks, NULs and lone surrogates, cut at `limit`; "" for anything else."""
    if not isinstance(value, str):
        return ""
    return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8").strip()[:limit]


def point(lat: float | None, lon: float | None) -> tuple[float, float] | tuple[None, None]:
    """(lat, lon) if both are on the globe, else (None, None)."""
    if lat is None or lon is None or abs(lat) > 90 or abs(lon) > 180:
        return None, None
    return lat, lon


def _check_size(body: bytes, max_bytes: int) -> None:
    if len(body) > max_bytes:
        raise UnreadableReport(f"document of {len(body)} bytes: larger than {max_bytes}, not read")
    if not body.strip():
        raise UnreadableReport("document is empty")


def _check_parts(body: bytes, signs: bytes, max_bytes: int) -> None:
    """Refuse a document of more parts than its kind has; `signs` are the bytes that each of its parts needs one of."""
    parts = sum(body.count(sign) for sign in signs)
    # A list of days may be larger than any report, and has more parts by as much.
    most = MAX_PARTS * max(max_bytes, MAX_BYTES) // MAX_BYTES
    if parts > most:
        raise UnreadableReport(f"document has {parts} parts: more than {most}, not read")


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _whole(text: str) -> int:
    if len(text) > 20:
        raise ValueError(f"a number of {len(text)} digits is not one of a report")
    return int(text)


def _real(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is not a finite number")
    return value
