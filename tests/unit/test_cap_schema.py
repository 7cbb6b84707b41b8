"""Our reading of CAP 1.2's rules against the schema of the standard: the same verdict on every sample and mutation."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from feeds.cap.alert import is_alert
from feeds.cap.schema import NS, NS_11, schema_error
from feeds.untrusted import Element
from tests.telegrams import SHARED

OWN = sorted((Path(__file__).resolve().parents[1] / "samples" / "feeds" / "cap").glob("*.xml"))
RECORDED = [*sorted((SHARED / "cap").glob("*.cap")), *sorted((SHARED / "cap").glob("*.atom"))]
XSD = SHARED / "cap" / "cap12.xsd"

needs_xsd = pytest.mark.skipif(not XSD.exists(), reason=f"the schema of the standard is not here: {XSD}")

#: Values that are right in one place and wrong in another.
VALUES = [
    "", " ", "Actual", " Actual", "actual", "Met", "Extreme", "Past", "AllClear", "en-US", "x-y-z", "en_US", "12",
    " 12 ", "+7", "%zz", "a:b", "::", "1.5", ".5", "5.", "1e3", "NaN", "２", "2026-01-02T15:04:05+09:00",
    " 2026-01-02T15:04:05-00:00\n", "2026-01-02T15:04:05Z", "2026-02-30T00:00:00+00:00", "2024-02-29T23:59:59+14:00",
    "2026-01-02T15:04:05+14:01", "2026-01-02T15:04:05.5+09:00", "2026-01-02T15:04:60+09:00",
    "26-01-02T15:04:05+09:00", "0000-01-02T15:04:05+09:00", "２026-01-02T15:04:05+09:00",
]  # fmt: skip


def alerts(paths: list[Path]) -> Iterator[Element]:
    """Every alert in the files, as one of CAP 1.2."""
    for path in paths:
        raw = path.read_bytes()
        if b"<!DOCTYPE" in raw:
            continue
        raw = raw.replace(NS_11.encode(), NS.encode())
        root = etree.fromstring(raw, etree.XMLParser(remove_comments=True, remove_pis=True))
        for element in root.iter(etree.Element):
            if is_alert(element):
                yield etree.fromstring(etree.tostring(element, with_tail=False))


def mutated(alert: Element, choose: random.Random) -> Element:
    """The alert with one to three things changed."""
    root = etree.fromstring(etree.tostring(alert))
    for _ in range(choose.randint(1, 3)):
        elements = [each for each in root.iter(etree.Element) if each is not root]
        if not elements:
            break
        element = choose.choice(elements)
        parent = element.getparent()
        assert parent is not None
        match choose.choice(["text", "text", "text", "drop", "double", "rename", "move", "attribute", "child", "tail"]):
            case "text":
                element.text = choose.choice(VALUES)
            case "drop":
                parent.remove(element)
            case "double":
                parent.insert(parent.index(element), etree.fromstring(etree.tostring(element, with_tail=False)))
            case "rename":
                element.tag = f"{{{NS}}}{choose.choice(['note', 'scope', 'event', 'polygon', 'size', 'Scope', 'x'])}"
            case "move":
                parent.insert(choose.randint(0, len(parent) - 1), element)
            case "attribute":
                element.set(choose.choice(["id", "{http://www.w3.org/XML/1998/namespace}lang"]), "en")
            case "child":
                etree.SubElement(element, choose.choice([f"{{{NS}}}value", "value", "{urn:x}y"])).text = "1"
            case _:
                element.tail = choose.choice(["\n", " text ", "\u00a0"])
    return root


@pytest.mark.parametrize("path", [path for path in OWN if path.name != "index.xml"], ids=lambda path: path.stem)
def test_our_own_samples_fit(path: Path) -> None:
    (alert,) = alerts([path])
    assert schema_error(alert) is None


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("status", "actual", "alert/status: 'actual' is none of Actual"),
        ("sent", "2026-09-01T03:00:00Z", "alert/sent: .* is not a time"),
        ("info/severity", "High", "alert/info/severity"),
        ("info/area/areaDesc", None, "alert/info/area: areaDesc is missing"),
        ("scope", None, "alert: scope is missing"),
    ],
)
def test_the_error_names_the_element(name: str, value: str | None, says: str) -> None:
    (alert,) = alerts([path for path in OWN if path.name == "flood_polygon.xml"])
    found = alert.find("/".join(f"{{{NS}}}{part}" for part in name.split("/")))
    assert found is not None
    parent = found.getparent()
    assert parent is not None
    if value is None:
        parent.remove(found)
    else:
        found.text = value
    error = schema_error(alert)
    assert error is not None and re.search(says, error)


@needs_xsd
@pytest.mark.parametrize("path", [*RECORDED, *OWN], ids=lambda path: path.name)
def test_the_verdict_on_samples_is_the_schemas(path: Path) -> None:
    schema = etree.XMLSchema(etree.parse(XSD))
    for alert in alerts([path]):
        error = schema_error(alert)
        assert (error is None) == schema.validate(alert), error or schema.error_log.last_error


@needs_xsd
def test_the_verdict_on_mutations_is_the_schemas() -> None:
    schema = etree.XMLSchema(etree.parse(XSD))
    choose = random.Random(4)
    verdicts = {True: 0, False: 0}
    for alert in alerts([*RECORDED, *OWN]):
        for _ in range(40):
            changed = mutated(alert, choose)
            error, valid = schema_error(changed), schema.validate(changed)
            assert (error is None) == valid, (error, schema.error_log.last_error, etree.tostring(changed)[:3000])
            verdicts[valid] += 1
    assert min(verdicts.values()) > 50
