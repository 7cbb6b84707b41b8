"""CAP alerts: what becomes of status, references, languages, areas and severities; and where a feed's alerts are."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.model import Change, Event, MessageType, Status, UnreadableReport
from core.settings import load_settings
from feeds.cap.geocodes import codes_of
from feeds.cap.geometry import BadShape, circle, polygon
from feeds.cap.hazards import hazard_of, level_of
from feeds.cap.index import read_index
from feeds.known import feed_named, feeds_for
from feeds.listing import UnreadableFeed
from feeds.sources.cap import parse
from geo.shapes import METRES_PER_DEGREE
from tests.telegrams import SHARED

SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "feeds" / "cap"
URL = "https://rivers.example/alerts.atom"


def text(name: str) -> str:
    return (SAMPLES / name).read_text()


def read(document: str) -> tuple[Event, ...]:
    return parse(document.encode()).events


def one(document: str) -> Event:
    (only,) = read(document)
    return only


FLOOD = text("flood_polygon.xml")
SLOPE = text("landslide_two_languages.xml")


def test_an_alert_with_shapes() -> None:
    flood = one(FLOOD)
    assert (flood.source, flood.type, flood.hazard, flood.status) == ("cap", "CAP", "river_flood", Status.ACTUAL)
    assert flood.message_type is MessageType.ISSUE
    assert flood.thread == "cap:Actual:warnings@rivers.example,flood-2026-0901-1"
    assert flood.event_ids == ("warnings@rivers.example,flood-2026-0901-1",)
    assert (flood.title, flood.headline) == ("River flood", "The Shira river may overflow")
    assert flood.office == "River Office (example)"
    assert flood.valid_until == datetime(2026, 9, 1, 3, tzinfo=UTC)
    assert flood.issued_at == datetime(2026, 8, 31, 18, tzinfo=UTC)
    assert [p.level for p in flood.polygons] == ["severe", "severe"]
    assert flood.polygons[0].geometry["coordinates"][0][0] == [130.65, 32.70]
    assert "Leave the river." in flood.text and "Lower Shira river" in flood.text and "Onset" in flood.text
    assert flood.areas == ()


def test_languages_of_one_alert_are_one_event_shown_in_japanese() -> None:
    slope = one(SLOPE)
    assert slope.hazard == "landslide"
    assert (slope.headline, slope.office) == ("土砂災害のおそれ", "県の例")
    assert [(a.scheme, a.code, a.name, a.level) for a in slope.areas] == [("jma.city", "4344300", "益城町", "moderate")]
    assert "EMMA_ID=JP001" in slope.notes[0]
    assert slope.message_type is MessageType.UPDATE


def test_the_thread_is_the_oldest_message_referred_to() -> None:
    slope = one(SLOPE)
    assert slope.thread == "cap:Actual:slopes@pref.example,slope-5"
    assert slope.event_ids == tuple(f"slopes@pref.example,slope-{n}" for n in (7, 5, 6))


def test_cancel_has_no_areas_and_all_clear_lifts() -> None:
    cancel, clear = one(text("cancel.xml")), one(text("all_clear.xml"))
    assert (cancel.message_type, cancel.polygons) == (MessageType.CANCEL, ())
    assert clear.message_type is MessageType.LIFT
    assert [p.level for p in clear.polygons] == ["none"]
    assert cancel.thread == clear.thread == one(FLOOD).thread


def test_all_clear_by_code_lifts_the_area() -> None:
    over = SLOPE.replace("<urgency>", "<responseType>AllClear</responseType><urgency>")
    assert [(a.level, a.change) for a in one(over).areas] == [("none", Change.LIFTED)]


@pytest.mark.parametrize(
    ("status", "means"),
    [
        ("Actual", Status.ACTUAL),
        ("Exercise", Status.EXERCISE),
        ("System", Status.TEST),
        ("Test", Status.TEST),
        ("Draft", Status.TEST),
    ],
)
def test_only_actual_is_actual(status: str, means: Status) -> None:
    event = one(FLOOD.replace("<status>Actual", f"<status>{status}"))
    assert event.status is means
    assert event.thread.startswith(f"cap:{status}:")


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("<msgType>Alert", "<msgType>Ack", "acknowledgement"),
        ("<msgType>Alert", "<msgType>Error", "rejection"),
        ("<scope>Public", "<scope>Private", "not for the public"),
        ("<scope>Public", "<scope>Restricted", "not for the public"),
        ("urn:oasis:names:tc:emergency:cap:1.2", "http://www.incident.com/cap/1.0", "CAP 1.0"),
    ],
)
def test_what_is_not_for_us_is_ignored_with_a_reason(before: str, after: str, says: str) -> None:
    parsed = parse(FLOOD.replace(before, after).encode())
    assert parsed.events == () and says in str(parsed.ignored)


def test_cap_1_1_is_read_where_it_keeps_to_1_2() -> None:
    older = FLOOD.replace("cap:1.2", "cap:1.1")
    assert one(older) == one(FLOOD)
    odd = parse(older.replace("<category>Met</category>", "<category>CBRN</category>").encode())
    assert "CAP 1.1" in str(odd.ignored)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("<identifier>flood-2026-0901-1", "<identifier>a b", "identifier"),
        ("<sender>warnings@rivers.example", "<sender>a,b", "sender"),
        ("2026-09-01T03:00:00+09:00</sent>", "1066-09-01T03:00:00+09:00</sent>", "year"),
        ("32.80,130.75 32.70,130.65<", "32.80,130.75 32.71,130.65<", "not closed"),
        ("32.70,130.65 32.80,130.65", "130.65,32.70 130.65,32.80", "not on the globe"),
        ("32.80,130.70 2.5", "32.80 130.70 2.5", "circle"),
        ("<severity>Severe", "<severity>Awful", "severity"),
        ("<alert ", "<!DOCTYPE alert><alert ", "DOCTYPE"),
        ("<alert ", "<warning ", "not well-formed"),
    ],
)
def test_what_is_wrong_is_named(before: str, after: str, says: str) -> None:
    assert before in FLOOD
    with pytest.raises(UnreadableReport, match=says):
        parse(FLOOD.replace(before, after).encode())


def test_an_error_page_is_called_one() -> None:
    with pytest.raises(UnreadableReport, match="HTML page"):
        parse(b"<!DOCTYPE html><html><body>Sorry</body></html>")


def test_hazards_of_one_alert_are_apart_and_bare_areas_make_none() -> None:
    second = FLOOD[FLOOD.index("<info>") : FLOOD.index("</alert>")].replace("River flood", "Tsunami warning")
    both = read(FLOOD.replace("</alert>", f"{second}</alert>"))
    assert [e.hazard for e in both] == ["river_flood", "tsunami"]
    assert len({e.thread for e in both}) == 2
    nameless = one(FLOOD.replace("<polygon>32.70,130.65 32.80,130.65 32.80,130.75 32.70,130.65</polygon>", "").replace(
        "<circle>32.80,130.70 2.5</circle>", "<circle>32.80,130.70 0</circle>"
    ))  # fmt: skip
    assert (nameless.areas, nameless.polygons) == ((), ())


def test_areas_by_code_beside_areas_by_shape_all_become_shapes() -> None:
    mixed = FLOOD.replace(
        "</info>",
        "<area><areaDesc>益城町</areaDesc><geocode><valueName>JIS X 0402</valueName><value>43443</value></geocode>"
        "</area></info>",
    )
    event = one(mixed)
    assert event.areas == ()
    assert len(event.polygons) == 3  # whoever is matched by shape is not lost beside a code


@pytest.mark.parametrize(
    ("severity", "urgency", "certainty", "level"),
    [
        ("Extreme", "Immediate", "Observed", "extreme"),
        ("Extreme", "Immediate", "Possible", "moderate"),
        ("Extreme", "Immediate", "Unlikely", "minor"),
        ("Extreme", "Past", "Observed", "minor"),
        ("Severe", "Future", "Unknown", "severe"),
        ("Minor", "Immediate", "Possible", "minor"),
        ("Unknown", "Immediate", "Observed", "minor"),
    ],
)
def test_levels(severity: str, urgency: str, certainty: str, level: str) -> None:
    assert level_of(severity, urgency, certainty) == level


@pytest.mark.parametrize(
    ("event", "categories", "hazard"),
    [
        ("Tsunami Warning", ["Geo"], "tsunami"),
        ("Earthquake", ["Geo"], "earthquake"),
        ("緊急地震", ["Geo"], "earthquake"),
        ("Storm Surge Warning", ["Met"], "storm_surge"),
        ("Coastal Flood Advisory", ["Met"], "storm_surge"),
        ("Flash Flood Watch", ["Met"], "river_flood"),
        ("Debris flow", ["Geo"], "landslide"),
        ("Heavy Rainfall", ["Met"], "heavy_rain"),
        ("大雨警報", ["Met"], "heavy_rain"),
        ("snowfall", ["Met"], "heavy_snow"),
        ("Tropical Storm", ["Met"], "storm_wind"),
        ("High Surf Advisory", ["Met"], "high_waves"),
        ("Tornado Warning", ["Met"], "tornado"),
        ("Volcanic ash fall", ["Geo"], "volcano"),
        ("Heat wave", ["Met"], "other"),
        ("thunderstorm", ["Met"], "other"),
        ("Flood of phone calls", ["Security"], "other"),
        ("Road closed", ["Transport"], "other"),
    ],
)
def test_hazards(event: str, categories: list[str], hazard: str) -> None:
    assert hazard_of(event, categories) == hazard


def test_a_same_code_tells_where_the_words_do_not() -> None:
    assert hazard_of("Warning of the day", ["Met"], ["TSW"]) == "tsunami"


def test_circles_have_their_radius_everywhere() -> None:
    for lat in (0.0, 32.7, -60.0):
        shape = circle(f"{lat},130.5 25")
        assert shape is not None
        ring = shape["coordinates"][0]
        assert ring[0] == ring[-1] and len(ring) == 65
        assert max(y for _, y in ring) - lat == pytest.approx(25_000 / METRES_PER_DEGREE, rel=0.01)
    assert circle("32,130 0.0") is None


@pytest.mark.parametrize(
    "words", ["32,130", "32,130 -1", "91,130 1", "32,130 1 1", "", "a,b c", "32,130 99999", "89.9,0 100", "nan,0 1"]
)
def test_a_circle_that_is_none(words: str) -> None:
    with pytest.raises(BadShape):
        circle(words)


@pytest.mark.parametrize(
    "words", ["", "32,130 33,130 32,130", "1,1 1,1 1,1 1,1", "32,130 33,130 33,131 inf,inf", "80,0 80,120 80,-120 80,0"]
)
def test_a_polygon_that_is_none(words: str) -> None:
    with pytest.raises(BadShape):
        polygon(words)


def test_a_polygon_over_the_date_line_does_not_go_around_by_japan() -> None:
    ring = polygon("30,170 30,-170 40,-170 40,170 30,170")["coordinates"][0]
    assert sorted({x for x, _ in ring}) == [170, 190]


def test_an_alert_of_the_other_side_of_the_world_is_ignored_unless_it_changes_one() -> None:
    far = FLOOD.replace("32.70,130.65 32.80,130.65 32.80,130.75 32.70,130.65", "-19,57 -18,57 -18,58 -19,57")
    far = far.replace("<circle>32.80,130.70 2.5</circle>", "")
    assert parse(far.encode()).ignored == "CAP alert of which nothing is near Japan"
    assert len(one(far.replace("<msgType>Alert", "<msgType>Update")).polygons) == 1
    date_line = far.replace("-19,57 -18,57 -18,58 -19,57", "40,160 40,-170 45,-170 40,160")
    assert len(one(date_line).polygons) == 1


def test_geocodes_of_japan() -> None:
    assert [a.code for a in codes_of("JIS X 0402", "43443")] == ["4344300"]
    assert [a.code for a in codes_of("jis", "434434")] == ["4344300"]  # with its check digit
    assert [a.scheme for a in codes_of("AreaTsunami", "712")] == ["jma.tsunami_area"]
    assert len(codes_of("jis", "43100")) >= 5  # the wards of Kumamoto
    assert codes_of("FIPS6", "43443") == codes_of("jis", "99999") == codes_of("AreaTsunami", "x") == ()


def test_an_rss_index_names_the_alert_not_the_news_page() -> None:
    (entry,) = read_index(text("index.xml").encode(), "https://rivers.example/rss").entries
    assert entry.url == "https://rivers.example/cap/1.xml"
    assert entry.updated == datetime(2026, 8, 31, 18, tzinfo=UTC)
    assert entry.identity == "https://rivers.example/cap/1.xml#20260831T180000Z"


def test_an_atom_index_with_addresses_and_whole_alerts() -> None:
    inside = FLOOD.split("?>", 1)[1]
    atom = f"""<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title>
      <entry><id>urn:1</id><updated>2026-09-01T00:00:00Z</updated>
        <link rel="alternate" type="text/html" href="/1.html"/>
        <link rel="related" type="application/cap+xml" href="/1.cap"/></entry>
      <entry><id>urn:2</id><updated>2026-09-01T00:00:00Z</updated><content type="text/xml">{inside}</content></entry>
      <entry><id>http://rivers.example/3.cap</id></entry>
      <entry><id>urn:nothing</id></entry>
    </feed>"""
    listing = read_index(atom.encode(), URL)
    assert [e.url for e in listing.entries] == ["https://rivers.example/1.cap", "https://rivers.example/3.cap"]
    assert [i.key for i in listing.items] == ["cap:warnings@rivers.example,flood-2026-0901-1,2026-09-01T03:00:00+09:00"]
    assert parse(listing.items[0].body).events == (one(FLOOD),)
    assert parse(atom.encode()).events == (one(FLOOD),)


def test_one_alert_is_a_feed_of_one() -> None:
    (item,) = read_index(FLOOD.encode(), URL).items
    assert item.body == FLOOD.encode()


@pytest.mark.parametrize("body", [b"", b"<html/>", b"{}", b"<feed/>", b"<!DOCTYPE rss><rss/>"])
def test_what_is_no_index_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadableFeed):
        read_index(body, URL)


def test_each_named_feed_is_a_feed_of_its_own() -> None:
    settings = load_settings(
        {"DAIJOBU_CAP_FEEDS": "rivers=https://rivers.example/a.atom,gdacs=https://www.gdacs.org/xml/rss.xml"}
    )
    named = {feed.name: feed for feed in feeds_for(settings) if feed.name.startswith("cap")}
    assert set(named) == {"cap.rivers", "cap.gdacs"}
    (event,) = named["cap.rivers"].parse(FLOOD.encode()).events
    assert event.source == "cap.rivers" and event.thread.startswith("cap.rivers:")
    assert feed_named("cap.retired").parse(FLOOD.encode()).source == "cap.retired"
    with pytest.raises(KeyError):
        feed_named("jma.retired")


RECORDED = sorted((SHARED / "cap").glob("*.cap")) + sorted((SHARED / "gdacs").glob("*.xml"))


@pytest.mark.skipif(not RECORDED, reason=f"the recorded alerts are not here: {SHARED}")
def test_recorded_alerts() -> None:
    tsunami = one((SHARED / "cap" / "wcatwc-warning.cap").read_text())
    assert (tsunami.hazard, tsunami.thread) == ("tsunami", "cap:Actual:PAAQ,PAAQ-1-lqw6d6")
    assert {p.level for p in tsunami.polygons} <= {"extreme"}
    snow = one((SHARED / "cap" / "canada_signed.cap").read_text())  # signed, in two languages
    assert (snow.hazard, snow.message_type) == ("heavy_snow", MessageType.UPDATE)
    with pytest.raises(UnreadableReport, match="DOCTYPE"):
        parse((SHARED / "cap" / "xee.cap").read_bytes())
    with pytest.raises(UnreadableReport, match="scope is missing"):
        parse((SHARED / "cap" / "invalid.cap").read_bytes())


@pytest.mark.skipif(not RECORDED, reason=f"the recorded indexes are not here: {SHARED}")
def test_recorded_indexes() -> None:
    gdacs = read_index((SHARED / "gdacs" / "gdacs-rss.xml").read_bytes(), "https://www.gdacs.org/xml/rss.xml")
    assert len(gdacs.entries) == 16
    assert all(e.url.startswith("https://www.gdacs.org/") and "cap_" in e.url and e.updated for e in gdacs.entries)
    weather = read_index((SHARED / "cap" / "weather.atom").read_bytes(), URL)
    assert len(weather.items) == 1
