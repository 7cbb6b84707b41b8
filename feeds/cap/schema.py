"""What the standard's schema demands of a CAP 1.2 alert: which elements, in which order, with which values.

Source: OASIS Standard CAP-v1.2, section 3.4 (XML schema). Written out as tables, so that an error names the element; a
test compares the verdict with the schema's own over every sample.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

from lxml import etree

from feeds.untrusted import Element

NS = "urn:oasis:names:tc:emergency:cap:1.2"
NS_11 = "urn:oasis:names:tc:emergency:cap:1.1"
NS_10 = "http://www.incident.com/cap/1.0"
SIGNATURE_NS = "http://www.w3.org/2000/09/xmldsig#"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_ALLOWED_ATTRIBUTES = frozenset({f"{{{_XSI}}}schemaLocation", f"{{{_XSI}}}noNamespaceSchemaLocation"})
#: Blanks of XML: nothing else may stand between elements, nor around numbers and times.
_BLANKS = " \t\r\n"

_TIME = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})[+-]([0-9]{2}):([0-9]{2})")
_LANGUAGE = re.compile(r"[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")

#: What is wrong with a text, or None.
Check: TypeAlias = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Part:
    """One element of a sequence: how often it may stand there, and what it holds (a check, or elements)."""

    name: str
    least: int
    most: int | None
    holds: Check | tuple[Part, ...]


def _text(value: str) -> str | None:
    return None


def _one_of(*words: str) -> Check:
    allowed = frozenset(words)

    def check(value: str) -> str | None:
        return None if value in allowed else f"{value[:40]!r} is none of {', '.join(words)}"

    return check


def _form(pattern: re.Pattern[str], what: str) -> Check:
    def check(value: str) -> str | None:
        return None if pattern.fullmatch(value.strip(_BLANKS)) else f"{value[:40]!r} is not {what}"

    return check


def _time(value: str) -> str | None:
    found = _TIME.fullmatch(value.strip(_BLANKS))
    if found is not None:
        year, month, day, hour, minute, second, zone_hour, zone_minute = map(int, found.groups())
        # Beyond 9999 days of the calendar do not matter; year 0 does not exist in XML Schema.
        valid = year >= 1 and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(max(year, 1), month)[1]
        zone = zone_hour <= 13 and zone_minute <= 59 or (zone_hour, zone_minute) == (14, 0)
        if valid and hour <= 23 and minute <= 59 and second <= 59 and zone:
            return None
    return f"{value[:40]!r} is not a time of the form 2026-01-02T15:04:05+09:00"


def _uri(value: str) -> str | None:
    """RFC 3986: nearly any text is a reference; not a lone %, and not a colon before any scheme."""
    text = value.strip(_BLANKS)
    head = re.match(r"[^/?#]*", text)
    try:
        urlsplit(text)  # brackets that hold no address
        wrong = re.search(r"%(?![0-9A-Fa-f]{2})", text) is not None
    except ValueError:
        wrong = True
    if head is not None and ":" in head[0] and not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", text):
        wrong = True
    return f"{value[:40]!r} is not a web address" if wrong else None


def _once(name: str, holds: Check | tuple[Part, ...] = _text) -> Part:
    return Part(name, 1, 1, holds)


def _maybe(name: str, holds: Check | tuple[Part, ...] = _text) -> Part:
    return Part(name, 0, 1, holds)


def _many(name: str, holds: Check | tuple[Part, ...] = _text, least: int = 0) -> Part:
    return Part(name, least, None, holds)


_PAIR = (_once("valueName"), _once("value"))

_AREA = (
    _once("areaDesc"),
    _many("polygon"),
    _many("circle"),
    _many("geocode", _PAIR),
    _maybe("altitude", _form(_DECIMAL, "a number")),
    _maybe("ceiling", _form(_DECIMAL, "a number")),
)

_RESOURCE = (
    _once("resourceDesc"),
    _once("mimeType"),
    _maybe("size", _form(_INTEGER, "a whole number")),
    _maybe("uri", _uri),
    _maybe("derefUri"),
    _maybe("digest"),
)

CATEGORIES = (
    "Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE", "Other",
)  # fmt: skip

_INFO = (
    _maybe("language", _form(_LANGUAGE, "a language tag")),
    _many("category", _one_of(*CATEGORIES), least=1),
    _once("event"),
    _many(
        "responseType",
        _one_of("Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None"),
    ),
    _once("urgency", _one_of("Immediate", "Expected", "Future", "Past", "Unknown")),
    _once("severity", _one_of("Extreme", "Severe", "Moderate", "Minor", "Unknown")),
    _once("certainty", _one_of("Observed", "Likely", "Possible", "Unlikely", "Unknown")),
    _maybe("audience"),
    _many("eventCode", _PAIR),
    _maybe("effective", _time),
    _maybe("onset", _time),
    _maybe("expires", _time),
    _maybe("senderName"),
    _maybe("headline"),
    _maybe("description"),
    _maybe("instruction"),
    _maybe("web", _uri),
    _maybe("contact"),
    _many("parameter", _PAIR),
    _many("resource", _RESOURCE),
    _many("area", _AREA),
)

_ALERT = (
    _once("identifier"),
    _once("sender"),
    _once("sent", _time),
    _once("status", _one_of("Actual", "Exercise", "System", "Test", "Draft")),
    _once("msgType", _one_of("Alert", "Update", "Cancel", "Ack", "Error")),
    _maybe("source"),
    _once("scope", _one_of("Public", "Restricted", "Private")),
    _maybe("restriction"),
    _maybe("addresses"),
    _many("code"),
    _maybe("note"),
    _maybe("references"),
    _maybe("incidents"),
    _many("info", _INFO),
)


def schema_error(alert: Element, namespace: str = NS) -> str | None:
    """What is wrong with an alert element, in one sentence naming the element; None if it fits the schema.

    `namespace`: of the version it says it is, where that is read by the same rules.
    """
    if alert.tag != f"{{{namespace}}}alert":
        return f"the root element is {etree.QName(alert).localname}, not a CAP alert"
    children = list(alert)
    while children and etree.QName(children[-1]).namespace == SIGNATURE_NS:
        children.pop()  # tolerated at the end, never verified
    return _sequence_error(alert, children, _ALERT, "alert", namespace)


def _sequence_error(
    element: Element, children: list[Element], parts: tuple[Part, ...], where: str, namespace: str
) -> str | None:
    if error := _attribute_error(element, where):
        return error
    texts = [element.text, *(child.tail for child in element)]
    if any((text or "").strip(_BLANKS) for text in texts):
        return f"{where}: text between its elements"
    at = 0
    for part in parts:
        count = 0
        while at < len(children) and children[at].tag == f"{{{namespace}}}{part.name}":
            if part.most is not None and count == part.most:
                return f"{where}: {part.name} stands there more than once"
            if error := _part_error(children[at], part, f"{where}/{part.name}", namespace):
                return error
            at, count = at + 1, count + 1
        if count < part.least:
            return f"{where}: {part.name} is missing or in the wrong place"
    if at < len(children):
        return f"{where}: {etree.QName(children[at]).localname[:40]} is unknown or in the wrong place"
    return None


def _part_error(element: Element, part: Part, where: str, namespace: str) -> str | None:
    if isinstance(part.holds, tuple):
        return _sequence_error(element, list(element), part.holds, where, namespace)
    if error := _attribute_error(element, where):
        return error
    if len(element):
        return f"{where}: holds elements where text belongs"
    wrong = part.holds(element.text or "")
    return None if wrong is None else f"{where}: {wrong}"


def _attribute_error(element: Element, where: str) -> str | None:
    attributes: Mapping[str, str] = element.attrib
    other = next((name for name in attributes if name not in _ALLOWED_ATTRIBUTES), None)
    return None if other is None else f"{where}: the attribute {other[:40]} is unknown"
