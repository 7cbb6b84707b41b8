"""Whatever a spreadsheet holds, locating ends in a place with codes or in a sentence; never in another error."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from geo.geocode import Geocoder, PlaceNotFound

pieces = st.sampled_from(
    [
        "熊本県",
        "熊本市",
        "東区",
        "中央区",
        "益城町",
        "府中市",
        "〒",
        "861-2233",
        "８６０",
        "－",
        "\u3000",
        "ヶ",
        "Kumamoto",
        "-shi",
        "Higashi",
        "-ku",
        "Mashiki",
        " machi",
        ",",
        "くまもとけん",
        "\u202e",
        "\x00",
        "市",
        "区",
        "県",
        "👍",
        "1-2-3",
        "松橋町",
        "32.79, 130.74",
        "130.74",
        "32°47'N ",
        "https://maps.app.goo.gl/x",
        "阿苏市",
        "Oozu",
        "大字",
        "三十一丁目",
    ]
)
texts = st.one_of(st.text(max_size=30), st.lists(pieces, max_size=8).map("".join))
degrees = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True), st.floats(20, 150))


@settings(max_examples=300, deadline=None)
@given(postal_code=texts, address=texts, lat=degrees, lon=degrees)
def test_locating_anything_ends_in_a_place_or_a_sentence(
    postal_code: str, address: str, lat: float | None, lon: float | None
) -> None:
    try:
        found = Geocoder.load().locate(postal_code=postal_code, address=address, lat=lat, lon=lon)
    except PlaceNotFound as refusal:
        assert str(refusal).strip()
        return
    assert {"jis", "jma.city", "jma.quake_area"} <= {code.scheme for code in found.codes}
    assert found.lat is not None and found.lon is not None and found.source
