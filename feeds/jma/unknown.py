"""Telegrams of a type we do not use that warn of something grave all the same: an operator must see them.

JMA brings new warnings without asking us. What says 特別警報 or 危険警報 where we read nothing becomes an event of the
hazard `other` without levels: it names the areas and carries a note, and tells no resident by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lxml import etree

from core.model import Area, Change, Event, MessageType
from feeds.jma.envelope import Envelope
from feeds.jma.kinds import is_urgent, tier_in_name, unknown_note
from feeds.jma.warning import lift_if_over
from feeds.untrusted import Element

#: Longer lists name no more than the same warning over and over.
_MAX_NOTES = 20


def urgent_event(envelope: Envelope) -> tuple[Event, ...]:
    """The event of a telegram that we do not use, if a kind of its Body or its title is urgent; else nothing."""
    kinds = list(_kinds(envelope.body))
    in_force = {(code, name) for code, name, status, _ in kinds if status != "解除"}
    titled = is_urgent(envelope.title) and not (kinds and not in_force)
    if not in_force and not titled:
        return ()
    notes = [unknown_note(envelope.type or envelope.title[:60], code, name) for code, name in sorted(in_force)]
    if not notes:
        notes = [unknown_note("type", "", envelope.title)]
    told = envelope if envelope.type else replace(envelope, type="unknown")
    areas = () if envelope.message_type is MessageType.CANCEL else tuple(_areas(envelope.body))
    return (
        told.event(
            hazard="other",
            message_type=lift_if_over(envelope.message_type, areas),
            subject=f"{envelope.title[:60]}:{envelope.office}:{min(envelope.event_ids, default='')}",
            areas=areas,
            text=_text(envelope.body),
            notes=tuple(notes[:_MAX_NOTES]),
        ),
    )


def _children(element: Element, *names: str) -> Iterator[Element]:
    """Descendants step by step by local name: the namespace of a new telegram is not known."""
    if not names:
        yield element
        return
    for child in element:
        if etree.QName(child).localname == names[0]:
            yield from _children(child, *names[1:])


def _text_of(element: Element, *names: str) -> str:
    return next(((found.text or "").strip() for found in _children(element, *names)), "")


def _kinds(body: Element) -> Iterator[tuple[str, str, str, Element]]:
    """(code, name, status, item) of every urgent Kind in the Body."""
    for element in body.iter():
        if etree.QName(element).localname != "Kind":
            continue
        name = _text_of(element, "Name")
        parent = element.getparent()
        if is_urgent(name) and parent is not None:
            status = _text_of(element, "Status") or _text_of(element, "Condition")
            yield _text_of(element, "Code"), name, "解除" if name.endswith("解除") else status, parent


def _areas(body: Element) -> Iterator[Area]:
    """The municipalities an urgent kind is listed for, each once."""
    seen: set[str] = set()
    for code, name, status, item in _kinds(body):
        places = [*_children(item, "Area"), *_children(item, "Areas", "Area")]
        for place in places:
            city = _text_of(place, "Code")
            if len(city) != 7 or not city.isascii() or not city.isdigit() or city in seen:
                continue
            seen.add(city)
            over = status == "解除"
            yield Area(
                scheme="jma.city",
                code=city,
                name=_text_of(place, "Name"),
                kind=name,
                kind_code=code,
                tier=tier_in_name(name),
                change=Change.LIFTED if over else Change.ISSUED,
            )


def _text(body: Element) -> str:
    return "\n".join(text for element in _children(body, "Text") if (text := (element.text or "").strip()))
