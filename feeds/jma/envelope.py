"""The envelope every JMA telegram shares (Control and Head), read from untrusted bytes.

Sources: 気象庁防災情報XMLフォーマット 電文解説資料. Elements are matched by namespace and local name; prefixes vary.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from lxml import etree

from core.model import Event, MessageType, Status, UnreadableReport
from feeds.jma import codes, kinds
from feeds.untrusted import Element as Element
from feeds.untrusted import parse_xml

ROOT_NS = "http://xml.kishou.go.jp/jmaxml1/"
#: Prefixes in our paths: j Report and Control, h Head; s, m, v the Body of seismology, meteorology, volcanology;
#: e basic elements.
NS = {
    "j": ROOT_NS,
    "h": ROOT_NS + "informationBasis1/",
    "s": ROOT_NS + "body/seismology1/",
    "m": ROOT_NS + "body/meteorology1/",
    "v": ROOT_NS + "body/volcanology1/",
    "e": ROOT_NS + "elementBasis1/",
}


@dataclass(frozen=True, slots=True)
class Envelope:
    """Control and Head of one telegram, and its Body for the family's module to read."""

    type: str
    title: str
    status: Status
    message_type: MessageType
    #: Head/InfoType as written.
    info_type: str
    #: Head/Title, which names the area: 沖縄本島地方高潮警報・注意報.
    head_title: str
    sent_at: datetime
    reported_at: datetime
    valid_until: datetime | None
    event_ids: tuple[str, ...]
    serial: str
    headline: str
    #: EditorialOffice (編集官署): who wrote it, e.g. 熊本地方気象台.
    office: str
    #: Why this type makes no event; None if it does.
    ignored: str | None
    head: Element
    body: Element

    def event(
        self,
        *,
        hazard: str,
        subject: str,
        message_type: MessageType | None = None,
        thread_type: str | None = None,
        **facts: Any,
    ) -> Event:
        """The event with everything that Control and Head say; `facts` are the family's own fields of Event.

        `subject` is what later telegrams of the same matter share (event id, region, river section): one thread per
        (type, status, subject). `message_type`: where the body makes it a lift. `thread_type`: where telegrams of
        two types are revisions of one matter.
        """
        return Event(
            source="jma",
            type=self.type,
            hazard=hazard,
            status=self.status,
            message_type=message_type or self.message_type,
            thread=f"{thread_type or self.type}:{self.status}:{subject}",
            event_ids=self.event_ids,
            issued_at=self.reported_at,
            sent_at=self.sent_at,
            valid_until=self.valid_until,
            title=self.title,
            headline=self.headline,
            office=self.office,
            serial=self.serial,
            **facts,
        )


def text_at(element: Element, path: str) -> str:
    """The text at `path` below `element` without surrounding blanks; "" if there is none."""
    # A quarter of the time of lxml's own path look-up: a VXSE53 of a great quake asks 12,000 times.
    found = _first(element, _tags(path))
    return "" if found is None else (found.text or "").strip()


@cache
def _tags(path: str) -> tuple[str, ...]:
    """The tags that the steps of a path name, with their namespaces."""
    steps = (step.partition(":") for step in path.split("/"))
    return tuple(f"{{{NS[prefix]}}}{name}" for prefix, _, name in steps)


def _first(element: Element, tags: tuple[str, ...]) -> Element | None:
    """The first element, in the document's order, that the whole path leads to."""
    for child in element.iterchildren(tags[0]):
        found = child if len(tags) == 1 else _first(child, tags[1:])
        if found is not None:
            return found
    return None


def required_text(element: Element, path: str, where: str) -> str:
    """As `text_at`, but raises UnreadableReport naming `where` if it is missing or empty."""
    value = text_at(element, path)
    if not value:
        raise UnreadableReport(f"{where}: {path.replace(':', '/').split('/')[-1]} is missing")
    return value


def time_at(element: Element, path: str, where: str) -> datetime | None:
    """The time at `path`, or None if absent. Raises UnreadableReport if it is no time or carries no zone."""
    value = text_at(element, path)
    if not value:
        return None
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        raise UnreadableReport(f"{where}: {value[:40]!r} is not a time") from None
    if when.tzinfo is None:
        raise UnreadableReport(f"{where}: the time {value[:40]!r} carries no time zone")
    if not 1900 <= when.year <= 2200:
        raise UnreadableReport(f"{where}: the year of {value[:40]!r} cannot be right")
    return when


def read_envelope(body: bytes, scheme: codes.WarningScheme = "new") -> Envelope:
    """Read Control and Head. Raises UnreadableReport naming the element that is missing or wrong.

    `scheme`: which of JMA's two warning schemes is read; types of the other one are ignored.
    """
    root = parse_xml(body)
    if root.tag != f"{{{ROOT_NS}}}Report":
        raise UnreadableReport(f"root element is {etree.QName(root).localname}, not a JMA Report")
    control, head = root.find("j:Control", NS), root.find("h:Head", NS)
    if control is None or head is None:
        raise UnreadableReport(f"Report has no {'Control' if control is None else 'Head'}")
    body_element = next((child for child in root if etree.QName(child).localname == "Body"), None)
    if body_element is None:
        raise UnreadableReport("Report has no Body")

    title = required_text(control, "j:Title", "Control")
    sent_at = time_at(control, "j:DateTime", "Control/DateTime")
    reported_at = time_at(head, "h:ReportDateTime", "Head/ReportDateTime")
    if sent_at is None or reported_at is None:
        raise UnreadableReport(f"{'Control/DateTime' if sent_at is None else 'Head/ReportDateTime'} is missing")

    kind = codes.type_of_title(title)
    type_code = "" if kind is None else kind.code
    ignored = f"type not used: {title[:60]}" if kind is None else codes.why_ignored(kind, scheme)
    info_type = text_at(head, "h:InfoType")
    message_type = kinds.INFO_TYPE.get(info_type)
    if message_type is None:
        if ignored is None:
            raise UnreadableReport(f"Head/InfoType is {info_type[:20]!r}, expected 発表, 訂正 or 取消")
        message_type = MessageType.ISSUE
    serial = text_at(head, "h:Serial")
    if not (serial.isascii() and serial.isdigit() and len(serial) <= 9):
        serial = ""  # empty for most types; anything but a number cannot order
    if message_type is MessageType.ISSUE and int(serial or "0") > 1:
        message_type = MessageType.UPDATE
    event_ids = tuple(text_at(head, "h:EventID").split())
    if len(event_ids) > 20 or any(len(event_id) > 100 for event_id in event_ids):
        raise UnreadableReport("Head/EventID is longer than any id JMA gives")
    # Not stripped: only the exact word is real.
    status = kinds.STATUS.get(control.findtext("j:Status", namespaces=NS) or "", Status.UNKNOWN)
    return Envelope(
        type=type_code,
        title=title,
        status=status,
        message_type=message_type,
        info_type=info_type,
        head_title=text_at(head, "h:Title"),
        sent_at=sent_at,
        reported_at=reported_at,
        valid_until=time_at(head, "h:ValidDateTime", "Head/ValidDateTime"),
        event_ids=event_ids,
        serial=serial,
        headline=text_at(head, "h:Headline/h:Text"),
        office=text_at(control, "j:EditorialOffice")[:100],
        ignored=ignored,
        head=head,
        body=body_element,
    )


def require_body(envelope: Envelope, prefix: str) -> None:
    """Raise UnreadableReport unless Body is of the family's namespace (s, m or v): a wrong title must not pass."""
    namespace = etree.QName(envelope.body).namespace
    if namespace != NS[prefix]:
        raise UnreadableReport(f"{envelope.type}: Body is of namespace {namespace}, expected {NS[prefix]}")
