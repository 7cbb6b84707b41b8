"""The envelope every JMA telegram shares (Control and Head), read from untrusted bytes.

Sources: 気象庁防災情報XMLフォーマット 電文解説資料. Elements are matched by namespace and local name; prefixes vary.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from lxml import etree

from core.model import Event, MessageType, Status, UnreadableReport
from feeds.jma import codes

ROOT_NS = "http://xml.kishou.go.jp/jmaxml1/"
#: Prefixes in our paths: j Report and Control, h Head, s and m the seismology and meteorology Body, e basic elements.
NS = {
    "j": ROOT_NS,
    "h": ROOT_NS + "informationBasis1/",
    "s": ROOT_NS + "body/seismology1/",
    "m": ROOT_NS + "body/meteorology1/",
    "e": ROOT_NS + "elementBasis1/",
}

#: The heaviest telegram (VPWS50) is a little over 4 MB; deeper or larger is not a telegram.
MAX_BYTES = 8_000_000
MAX_DEPTH = 40

Element: TypeAlias = etree._Element


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

    def event(self, *, hazard: str, subject: str, message_type: MessageType | None = None, **facts: Any) -> Event:
        """The event with everything that Control and Head say; `facts` are the family's own fields of Event.

        `subject` is what later telegrams of the same matter share (event id, region, river section): one thread per
        (type, status, subject). `message_type`: where the body makes it a lift.
        """
        return Event(
            source="jma",
            type=self.type,
            hazard=hazard,
            status=self.status,
            message_type=message_type or self.message_type,
            thread=f"{self.type}:{self.status}:{subject}",
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
    return (element.findtext(path, namespaces=NS) or "").strip()


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


def parse_xml(body: bytes) -> Element:
    """The document's root. No DTD, no entities, no network; size and depth are capped.

    Raises UnreadableReport with the reason in one sentence.
    """
    if len(body) > MAX_BYTES:
        raise UnreadableReport(f"document of {len(body)} bytes: larger than {MAX_BYTES}, not read")
    if not body.strip():
        raise UnreadableReport("document is empty")
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
    except etree.XMLSyntaxError as error:
        raise UnreadableReport(f"not well-formed XML: {str(error).splitlines()[0]}") from None
    # In an encoding other than UTF-8 the DOCTYPE escapes the search above.
    if root.getroottree().docinfo.doctype:
        raise UnreadableReport("document has a DOCTYPE: refused, telegrams never have one")
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > MAX_DEPTH:
            raise UnreadableReport(f"elements are nested deeper than {MAX_DEPTH} levels: not a telegram")
    return root


def read_envelope(body: bytes) -> Envelope:
    """Read Control and Head. Raises UnreadableReport naming the element that is missing or wrong."""
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

    type_code, ignored = _type_of(title)
    info_type = text_at(head, "h:InfoType")
    message_type = codes.INFO_TYPE.get(info_type)
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
    status = codes.STATUS.get(control.findtext("j:Status", namespaces=NS) or "", Status.UNKNOWN)
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


def _type_of(title: str) -> tuple[str, str | None]:
    """Type code of a Control/Title, and why it is ignored (None: it is used)."""
    name = codes.plain(title)
    if name in codes.USED:
        return codes.USED[name], None
    if name in codes.IGNORED:
        return codes.IGNORED[name]
    reason = f"type not used: {title[:60]}"
    if "特別警報" in name or "危険警報" in name:
        reason += " (its title names a special or urgent warning: an operator should read it)"
    return "", reason


def require_body(envelope: Envelope, prefix: str) -> None:
    """Raise UnreadableReport unless Body is of the family's namespace (`s` or `m`): a wrong title must not pass."""
    namespace = etree.QName(envelope.body).namespace
    if namespace != NS[prefix]:
        raise UnreadableReport(f"{envelope.type}: Body is of namespace {namespace}, expected {NS[prefix]}")
