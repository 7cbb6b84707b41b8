"""A CAP alert read from its element: sender, references and info blocks as values. What it means is `event`'s part."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lxml import etree

from core.model import AreaCode, UnreadableReport
from feeds.cap import schema
from feeds.cap.geocodes import codes_of
from feeds.cap.geometry import BadShape, circle, polygon
from feeds.untrusted import Element

_ID = re.compile(r"[^\s,&<]{1,250}")
#: More references than this tell nothing further: the oldest names the thread.
_MAX_REFERENCES = 100
_VERSIONS = {schema.NS: "1.2", schema.NS_11: "1.1", schema.NS_10: "1.0"}


class NotUsed(Exception):
    """A readable document that is not for us; the message says why in one sentence."""


@dataclass(frozen=True, slots=True)
class Place:
    """One area of an info block."""

    name: str
    codes: tuple[AreaCode, ...]
    #: GeoJSON polygons, circles among them.
    shapes: tuple[dict[str, Any], ...]
    #: Geocodes of schemes or values we do not know, as written.
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Info:
    """One info block; its texts are in `language`."""

    language: str
    categories: tuple[str, ...]
    event: str
    responses: tuple[str, ...]
    urgency: str
    severity: str
    certainty: str
    event_codes: tuple[str, ...]
    effective: datetime | None
    onset: datetime | None
    expires: datetime | None
    sender_name: str
    headline: str
    description: str
    instruction: str
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert message."""

    identifier: str
    sender: str
    sent: datetime
    status: str
    msg_type: str
    scope: str
    #: (sent, "sender,identifier") of the messages it refers to, oldest first.
    references: tuple[tuple[datetime, str], ...]
    infos: tuple[Info, ...]

    @property
    def id(self) -> str:
        """Its identity: "sender,identifier"."""
        return f"{self.sender},{self.identifier}"


def is_alert(root: Element) -> bool:
    """Whether an element is an alert of any version of CAP."""
    return root.tag in {f"{{{namespace}}}alert" for namespace in _VERSIONS}


def read_alert(root: Element) -> Alert:
    """The alert of one element. CAP 1.1 is read where it keeps to the rules of 1.2.

    Raises UnreadableReport naming the element that is wrong, NotUsed for other versions.
    """
    if not is_alert(root):
        raise UnreadableReport(f"CAP: root element is {etree.QName(root).localname}, not an alert")
    namespace = str(etree.QName(root).namespace)
    version = _VERSIONS[namespace]
    if version == "1.0":
        raise NotUsed("CAP 1.0: superseded in 2005, not read")
    wrong = schema.schema_error(root, namespace)
    if wrong is not None:
        if version != "1.2":
            raise NotUsed(f"CAP {version} that does not keep to the rules of 1.2: {wrong}")
        raise UnreadableReport(f"CAP: {wrong}")
    return _Reader(namespace).alert(root)


class _Reader:
    """Reads elements of one namespace that fit the schema."""

    def __init__(self, namespace: str) -> None:
        self._ns = {"c": namespace}

    def _text(self, element: Element, name: str, limit: int = 10_000) -> str:
        return (element.findtext(f"c:{name}", namespaces=self._ns) or "").strip()[:limit]

    def _texts(self, element: Element, path: str) -> list[str]:
        return [(each.text or "").strip() for each in element.iterfind(path, self._ns)]

    def _time(self, element: Element, name: str) -> datetime | None:
        text = self._text(element, name)
        return _time(text, name) if text else None

    def alert(self, root: Element) -> Alert:
        identifier, sender = self._text(root, "identifier"), self._text(root, "sender")
        for name, value in (("identifier", identifier), ("sender", sender)):
            if _ID.fullmatch(value) is None:
                raise UnreadableReport(f"CAP: {name} is empty, too long or holds blanks or commas: {value[:60]!r}")
        return Alert(
            identifier=identifier,
            sender=sender,
            sent=_time(self._text(root, "sent"), "sent"),
            status=self._text(root, "status"),
            msg_type=self._text(root, "msgType"),
            scope=self._text(root, "scope"),
            references=_references(self._text(root, "references", 100_000)),
            infos=tuple(self._info(each) for each in root.iterfind("c:info", self._ns)),
        )

    def _info(self, info: Element) -> Info:
        return Info(
            language=self._text(info, "language", 40) or "en-US",
            categories=tuple(self._texts(info, "c:category")),
            event=self._text(info, "event", 200),
            responses=tuple(self._texts(info, "c:responseType")),
            urgency=self._text(info, "urgency"),
            severity=self._text(info, "severity"),
            certainty=self._text(info, "certainty"),
            event_codes=tuple(self._texts(info, "c:eventCode/c:value")),
            effective=self._time(info, "effective"),
            onset=self._time(info, "onset"),
            expires=self._time(info, "expires"),
            sender_name=self._text(info, "senderName", 100),
            headline=self._text(info, "headline", 500),
            description=self._text(info, "description"),
            instruction=self._text(info, "instruction"),
            places=tuple(self._place(each) for each in info.iterfind("c:area", self._ns)),
        )

    def _place(self, area: Element) -> Place:
        name = self._text(area, "areaDesc", 300)
        try:
            shapes = [polygon(text) for text in self._texts(area, "c:polygon")]
            circles = [circle(text) for text in self._texts(area, "c:circle")]
        except BadShape as error:
            raise UnreadableReport(f"CAP: area {name[:60]!r}: {error}") from None
        codes: dict[AreaCode, None] = {}
        unknown: list[str] = []
        for geocode in area.iterfind("c:geocode", self._ns):
            value_name, value = self._text(geocode, "valueName", 100), self._text(geocode, "value", 100)
            found = codes_of(value_name, value)
            codes.update(dict.fromkeys(found))
            if not found:
                unknown.append(f"{value_name}={value}")
        return Place(name, tuple(codes), (*shapes, *(c for c in circles if c is not None)), tuple(unknown))


def _time(text: str, name: str) -> datetime:
    when = datetime.fromisoformat(text)
    if not 1900 <= when.year <= 2200:
        raise UnreadableReport(f"CAP: the year of {name} {text[:40]!r} cannot be right")
    return when


def _references(text: str) -> tuple[tuple[datetime, str], ...]:
    """sender,identifier,sent of each message referred to, oldest first."""
    found: list[tuple[datetime, str]] = []
    for each in text.split():
        parts = each.split(",")
        # The schema leaves the text free; one that cannot be told apart is left out rather than guessed.
        if len(parts) == 3 and _ID.fullmatch(parts[0]) and _ID.fullmatch(parts[1]):
            try:
                when = datetime.fromisoformat(parts[2])
            except ValueError:
                continue
            if when.tzinfo is not None:
                found.append((when, f"{parts[0]},{parts[1]}"))
    return tuple(sorted(found)[:_MAX_REFERENCES])
