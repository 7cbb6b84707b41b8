"""Texts of alerts: slots, moments, labels, what stands beside a text that nobody has checked."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alerts.compose import (
    ALERT_PREFIXES,
    LINK,
    TITLE_LIMIT,
    alert_language,
    compose,
    fill_link,
    text_key,
    visible_length,
)
from alerts.sms_text import breaks_on_au
from alerts.wording import KANA, PlaceText, TextContext
from core import po
from core.clock import JST
from core.i18n import LOCALES, Catalogs, without_furigana
from core.model import Answer, Level, Moment, PlaceKind, Purpose, Severity, Tier

DRAFTS = Catalogs.load()
AT = datetime(2016, 4, 14, 21, 28, tzinfo=JST)
HOME, WORK = PlaceKind.HOME, PlaceKind.WORK
EVACUATION = (Answer.SAFE_PLACE, Answer.LEAVING, Answer.CANNOT_LEAVE, Answer.ON_DUTY, Answer.NOT_THERE)


def approve(*languages: str) -> Catalogs:
    """The real files as if people had approved every text of these languages."""
    files = {path.stem: po.read(path) for path in LOCALES.glob("*.po")}
    for lang in languages:
        for key, entry in files[lang].items():
            stamp = f"state: approved; by: r1; on: 2026-11-01; of: {entry.fingerprint}"
            files[lang][key] = entry._replace(comment=stamp)
    return Catalogs(files)


APPROVED = approve(*DRAFTS.languages)


def names(scheme: str, code: str, lang: str) -> str:
    japanese, latin = {"m": ("益城町", "Mashiki"), "h": ("熊本市東区", "Kumamoto Higashi-ku")}[code]
    return japanese if lang.startswith(("ja", "zh")) else latin


QUAKE = TextContext(
    hazard="earthquake",
    severity=Severity.EXTREME,
    moment=Moment.ISSUE,
    places=(PlaceText(HOME, "jma.city", "m", "6-"),),
    announced_at=AT,
    asks=(Answer.OK, Answer.HELP),
)
RAIN = TextContext(
    hazard="heavy_rain",
    severity=Severity.SEVERE,
    moment=Moment.ISSUE,
    places=(PlaceText(HOME, "jma.city", "m", 4),),
    announced_at=AT,
    asks=EVACUATION,
)


def sms(ctx: TextContext, lang: str, catalogs: Catalogs = APPROVED) -> str:
    return compose(ctx, lang, "sms", catalogs, names).body


def test_the_slots_of_an_sms_stand_in_order() -> None:
    assert sms(QUAKE, "en") == (
        "Daijobu: EARTHQUAKE Intensity 6 Lower. Home: Mashiki. JMA, 14 Apr 21:28. "
        "Protect your head. Leave damaged buildings. Beware of aftershocks. Are you OK? Please answer.\n{link}"
    )
    assert sms(QUAKE, "ja") == (
        "【Daijobu】地震 震度6弱。自宅: 益城町。気象庁 4月14日 21:28発表。"
        "頭を守ってください。壊れた建物から離れてください。無事ですか。回答してください。\n{link}"
    )


@pytest.mark.parametrize("lang", DRAFTS.languages)
def test_the_first_part_already_says_what_and_where(lang: str) -> None:
    text = compose(QUAKE, lang, "sms", DRAFTS, names)
    first = text.body[: 67 if text.encoding == "UCS-2" else 153]
    assert "6" in first
    assert names("jma.city", "m", lang) in first


@pytest.mark.parametrize("lang", DRAFTS.languages)
@pytest.mark.parametrize("channel", ["sms", "push", "page"])
def test_no_reader_ever_sees_the_code_of_an_intensity(lang: str, channel: str) -> None:
    for level in ("5-", "5+", "6-", "6+"):
        ctx = replace(QUAKE, places=(PlaceText(HOME, "jma.city", "m", level), PlaceText(WORK, "jma.city", "h", level)))
        text = compose(ctx, lang, channel, DRAFTS, names)
        assert level not in text.title + text.body


def test_home_and_work_are_both_named_with_their_levels_and_the_worse_decides() -> None:
    home, work = PlaceText(HOME, "jma.city", "m", "5-"), PlaceText(WORK, "jma.city", "h", "6+")
    text = sms(replace(QUAKE, places=(work, home)), "en")
    assert (
        "EARTHQUAKE Intensity 6 Upper. Work: Kumamoto Higashi-ku - shindo 6 Upper, Home: Mashiki - shindo 5 Lower."
        in text
    )
    during_shift = sms(replace(QUAKE, places=(home, work)), "en")
    assert "6 Upper. Home: Mashiki - shindo 5 Lower, Work:" in during_shift


def test_home_and_work_in_one_area_are_said_once() -> None:
    places = (PlaceText(HOME, "jma.city", "m", 4), PlaceText(WORK, "jma.city", "m", 4))
    assert "Home and work: Mashiki." in sms(replace(RAIN, places=places), "en")


def test_a_town_that_did_not_report_gets_the_announced_maximum_of_its_area() -> None:
    places = (PlaceText(HOME, "jma.city", "m", "5-", area_maximum="6+"),)
    text = sms(replace(QUAKE, places=places), "en")
    assert "STRONG EARTHQUAKE. Home: Mashiki - up to shindo 6 Upper in this area, no figure yet for this place." in text
    assert "5 Lower" not in text


@pytest.mark.parametrize("lang", DRAFTS.languages)
@pytest.mark.parametrize("channel", ["sms", "push", "page"])
@pytest.mark.parametrize(
    ("purpose", "simulated", "tag"),
    [
        (Purpose.DRILL, False, "tag.drill"),
        (Purpose.DRILL, True, "tag.drill"),
        (Purpose.CANARY, False, "tag.canary"),
        (Purpose.LIVE, True, "tag.simulated"),
    ],
)
def test_what_is_not_real_says_so_first_and_last(
    lang: str, channel: str, purpose: Purpose, simulated: bool, tag: str
) -> None:
    text = compose(replace(QUAKE, purpose=purpose, simulated=simulated), lang, channel, DRAFTS, names)
    first = DRAFTS.say(lang, f"{tag}.first")
    opening = text.body if channel == "sms" else text.title
    assert first in opening[: len(first) + 2]
    closing = text.body.removesuffix("\n" + LINK)
    endings = (DRAFTS.say(lang, f"{tag}.last"), DRAFTS.say(lang, f"{tag}.last.sms"), first)
    assert closing.rstrip(".。।။។").endswith(tuple(ending.rstrip(".。।။។") for ending in endings))


def one(hazard: str, severity: Severity, level: Level = None, tier: Tier = Tier.NONE, **fields: object) -> TextContext:
    """An alert for one place, named by its level, its kind of warning or its stated severity."""
    asks = () if not severity.asks else (Answer.OK, Answer.HELP)
    place = PlaceText(HOME, "jma.city", "m", level, tier=tier)
    return TextContext(hazard, severity, Moment.ISSUE, (place,), AT, asks=asks, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ctx", "english", "japanese"),
    [
        (one("volcano", Severity.EXTREME, 5), "Volcanic alert level 5.", "噴火警戒レベル5。"),
        (one("volcano", Severity.MODERATE, None, Tier.WARNING), "ERUPTION NOTICE.", "噴火速報。"),
        (one("volcano", Severity.EXTREME, None, Tier.SPECIAL), "Volcano.", "火山。"),
        (one("storm_wind", Severity.EXTREME, None, Tier.SPECIAL), "Storm Emergency Warning.", "暴風特別警報。"),
        (one("storm_wind", Severity.MODERATE, None, Tier.WARNING), "Storm Warning.", "暴風警報。"),
        (one("high_waves", Severity.EXTREME, None, Tier.SPECIAL), "High Wave Emergency Warning.", "波浪特別警報。"),
        (one("heavy_snow", Severity.EXTREME, None, Tier.SPECIAL), "Heavy Snow Emergency Warning.", "大雪特別警報。"),
        (one("tornado", Severity.INFO, None, Tier.ADVISORY), "Tornado Advisory.", "竜巻注意情報。"),
        # What is not JMA's has no name of a warning and no level digit.
        (
            one("river_flood", Severity.SEVERE, "severe", source="cap.x", agency="Vedur"),
            "River flooding.",
            "川の氾濫。",
        ),
        (one("earthquake", Severity.EXTREME, "extreme", source="manual.town_office"), "Earthquake.", "地震。"),
    ],
)
def test_what_has_no_level_goes_by_its_own_name(ctx: TextContext, english: str, japanese: str) -> None:
    assert sms(ctx, "en").startswith(f"Daijobu: {english} Home: Mashiki. ")
    assert sms(ctx, "ja").startswith(f"【Daijobu】{japanese}自宅: 益城町。")


def test_volcanic_levels_are_never_taken_for_those_of_rain() -> None:
    places = (PlaceText(HOME, "jma.city", "m", 5), PlaceText(WORK, "jma.city", "h", 4))
    volcano = replace(one("volcano", Severity.EXTREME, 5), places=places)
    page = compose(volcano, "en", "page", APPROVED, names)
    assert "Mashiki (益城町) - Volcanic alert level 5, Work:" in page.body
    assert "Volcanic alert level 5: an eruption" in page.body
    assert not re.search(r"(?<!alert )[Ll]evel [45]", page.title + page.body)
    assert compose(volcano, "en", "push", APPROVED, names).title == "Volcanic alert level 5: Mashiki"


def test_of_two_places_the_gravest_warning_names_the_alert() -> None:
    places = (
        PlaceText(HOME, "jma.city", "m", tier=Tier.WARNING),
        PlaceText(WORK, "jma.city", "h", tier=Tier.SPECIAL),
    )
    text = sms(replace(one("storm_wind", Severity.EXTREME), places=places), "en")
    assert text.startswith("Daijobu: Storm Emergency Warning. Home: Mashiki - warning, Work: Kumamoto Higashi-ku - em")


@pytest.mark.parametrize(
    ("source", "agency", "name"),
    [
        ("jma", "", "JMA"),
        ("p2pquake", "", "P2PQuake (JMA data)"),
        ("cap.x", "Vedur Iceland", "Vedur Iceland"),
        ("cap.x", " Met\n Office ", "Met Office"),
        ("cap.x", "", "Official agency"),
        ("cap.x", "see www.example.com", "Official agency"),
        ("cap.x", "pay at https://example.com", "Official agency"),
        ("cap.x", "{link}", "Official agency"),
        ("cap.x", "example.org", "Official agency"),
        ("cap.x", "alerts@example", "Official agency"),
        ("cap.x", "x" * 61, "Official agency"),
        ("cap.x", "a\u202eb", "Official agency"),
        ("manual.town_office", "", "Town office"),
        ("manual.somebody", "", "Our staff"),
    ],
)
def test_a_text_names_who_really_said_it(source: str, agency: str, name: str) -> None:
    text = sms(one("earthquake", Severity.SEVERE, "severe", source=source, agency=agency), "en")
    assert f"Mashiki. {name}, 14 Apr 21:28." in text


def test_whose_text_is_official_depends_on_the_source() -> None:
    theirs = one("earthquake", Severity.SEVERE, "severe", source="cap.x", agency="Vedur")
    for lang in DRAFTS.languages:
        text = compose(theirs, lang, "page", DRAFTS, names).body
        assert DRAFTS.say(lang, "alert.unreviewed.other") in text
        assert DRAFTS.say(lang, "alert.unreviewed") not in text
        relayed = compose(replace(theirs, source="p2pquake"), lang, "page", DRAFTS, names).body
        assert DRAFTS.say(lang, "alert.unreviewed") in relayed


def test_of_a_stated_severity_no_more_is_said_than_that() -> None:
    """No metres, no shaking: nobody announced them."""
    for hazard in ("tsunami", "earthquake", "river_flood", "volcano"):
        text = compose(one(hazard, Severity.EXTREME, "extreme"), "en", "page", APPROVED, names)
        assert "The source says: extreme danger to life or property." in text.body
        assert "metre" not in text.body and "shaking" not in text.body
        assert not re.search(r"\blevel\b", text.title + text.body, re.IGNORECASE)


def test_only_the_levels_of_rain_slopes_sea_and_rivers_say_leave_before_dark() -> None:
    noon = AT.replace(hour=12)
    dark = "Leave before dark."
    assert dark in sms(replace(RAIN, severity=Severity.MODERATE, announced_at=noon, asks=()), "en")
    for ctx in (
        one("storm_wind", Severity.MODERATE, None, Tier.WARNING),
        one("volcano", Severity.MODERATE, None, Tier.WARNING),
        one("river_flood", Severity.MODERATE, "moderate"),
    ):
        assert dark not in compose(replace(ctx, announced_at=noon), "en", "page", APPROVED, names).body


@pytest.mark.parametrize("lang", DRAFTS.languages)
def test_a_real_alert_carries_no_label(lang: str) -> None:
    text = compose(QUAKE, lang, "push", DRAFTS, names)
    for key in ("tag.drill.first", "tag.simulated.first", "tag.drill.last", "tag.simulated.last"):
        assert DRAFTS.say(lang, key) not in text.title + text.body


@pytest.mark.parametrize("lang", DRAFTS.languages)
def test_corrections_cancellations_and_lifts_name_the_message_they_change(lang: str) -> None:
    earlier = AT - timedelta(minutes=41)
    for moment in (Moment.CORRECT, Moment.CANCEL, Moment.LIFT):
        ctx = replace(QUAKE, moment=moment, earlier_at=earlier)
        for channel in ("sms", "push", "page"):
            text = compose(ctx, lang, channel, DRAFTS, names)
            assert "20:47" in text.body, (moment, channel)
            assert DRAFTS.say(lang, f"tag.{moment}") in text.title + text.body


def test_a_cancellation_without_the_earlier_time_is_refused() -> None:
    with pytest.raises(ValueError, match="must name the time"):
        replace(QUAKE, moment=Moment.CANCEL)


def test_a_cancellation_tells_nobody_what_to_do_and_asks_nothing() -> None:
    text = sms(replace(QUAKE, moment=Moment.CANCEL, earlier_at=AT), "en")
    assert "Ignore our message of 14 Apr 21:28" in text
    assert "Protect" not in text
    assert "Are you OK" not in text


@pytest.mark.parametrize("lang", DRAFTS.languages)
def test_a_lift_never_says_that_it_is_safe(lang: str) -> None:
    ctx = replace(QUAKE, hazard="tsunami", moment=Moment.LIFT, earlier_at=AT, asks=())
    first = DRAFTS.say(lang, "alert.do.lift").split("\n")[0]
    assert first in compose(ctx, lang, "page", DRAFTS, names).body
    assert DRAFTS.say(lang, "answer.ok") not in compose(ctx, lang, "push", DRAFTS, names).body


def test_what_only_informs_asks_nothing() -> None:
    ctx = replace(QUAKE, severity=Severity.MODERATE, asks=())
    assert sms(ctx, "en").endswith("See details.\n{link}")
    assert "?" not in compose(ctx, "en", "push", APPROVED, names).body
    info = compose(replace(QUAKE, severity=Severity.INFO, asks=()), "en", "page", APPROVED, names)
    assert info.body.splitlines()[:2] == ["Home: Mashiki (益城町).", "JMA, 14 Apr 21:28."]


def test_flood_and_tsunami_ask_where_people_are() -> None:
    assert sms(RAIN, "en").endswith("Are you in a safe place? Please answer.\n{link}")


@pytest.mark.parametrize("lang", DRAFTS.languages)
def test_a_title_of_what_is_over_always_says_so(lang: str) -> None:
    """ "A bare "Flood: Mashiki" on a lock screen would look like a new warning."""
    for hazard in ("storm_surge", "river_flood", "heavy_rain", "tsunami", "earthquake"):
        for moment in (Moment.CANCEL, Moment.LIFT):
            ctx = replace(QUAKE, hazard=hazard, moment=moment, earlier_at=AT, asks=(), simulated=True)
            title = without_furigana(compose(ctx, lang, "push", DRAFTS, names).title)
            assert without_furigana(DRAFTS.say(lang, f"tag.{moment}")) in title


@pytest.mark.parametrize("lang", DRAFTS.languages)
@pytest.mark.parametrize("moment", list(Moment))
def test_the_shortest_sms_without_a_figure_still_names_the_place(lang: str, moment: Moment) -> None:
    place = PlaceText(HOME, "jma.city", "h", "5-", area_maximum="6+")
    for purpose, simulated in ((Purpose.LIVE, False), (Purpose.LIVE, True), (Purpose.DRILL, False)):
        ctx = replace(
            QUAKE,
            moment=moment,
            places=(place,),
            earlier_at=AT,
            purpose=purpose,
            simulated=simulated,
            sender="Daijobu KVOID",
        )
        text = compose(ctx, lang, "sms", DRAFTS, names)
        assert names("jma.city", "h", lang) in text.body, text.body
        assert text.segments <= 3


@pytest.mark.parametrize("lang", DRAFTS.languages)
@pytest.mark.parametrize("hazard", ["heavy_rain", "landslide", "river_flood", "storm_surge"])
def test_every_sms_of_a_warning_says_what_to_do(lang: str, hazard: str) -> None:
    """Whatever has to go to keep three parts, the first imperative stays; after a lift: not to go back yet."""
    for level, severity in ((3, Severity.MODERATE), (4, Severity.SEVERE), (5, Severity.EXTREME)):
        for moment in (Moment.ISSUE, Moment.UPDATE, Moment.REMINDER, Moment.CORRECT, Moment.LIFT):
            place = PlaceText(HOME, "jma.city", "h", level)
            ctx = replace(QUAKE, hazard=hazard, severity=severity, moment=moment, places=(place,), earlier_at=AT)
            key = "alert.do.lift" if moment is Moment.LIFT else f"do.{hazard}.{severity}"
            first = DRAFTS.say(lang, key).split("\n")[0]
            assert first in compose(ctx, lang, "sms", DRAFTS, names).body, (level, moment)


def test_easy_japanese_reads_out_names_of_places_where_there_is_room() -> None:
    def read(scheme: str, code: str, lang: str) -> str:
        return {"m": "ましきまち", "h": "くまもとしひがしく"}[code] if lang == KANA else names(scheme, code, lang)

    for lang in ("ja-simple", "vi"):  # also in the line under a foreign text
        assert "うち: 益城町[ましきまち]。" in compose(QUAKE, lang, "push", APPROVED, read).body
    assert "うち: 益城町[ましきまち]。" in compose(QUAKE, "ja-simple", "page", APPROVED, read).body
    assert "ましきまち" not in compose(QUAKE, "ja-simple", "sms", APPROVED, read).body
    assert "ましきまち" not in compose(QUAKE, "ja", "page", APPROVED, read).body.splitlines()[0]

    def partly_kana(scheme: str, code: str, lang: str) -> str:
        return "さいたまし" if lang == KANA else "さいたま市"

    assert "うち: さいたま市。" in compose(QUAKE, "ja-simple", "page", APPROVED, partly_kana).body


@pytest.mark.parametrize(("hour", "said"), [(4, False), (5, True), (20, True), (21, False)])
def test_level_3_by_day_says_leave_before_dark(hour: int, said: bool) -> None:
    at = AT.replace(hour=hour, minute=0)
    ctx = replace(RAIN, severity=Severity.MODERATE, places=(PlaceText(HOME, "jma.city", "m", 3),), announced_at=at)
    assert ("Leave before dark." in compose(ctx, "en", "page", APPROVED, names).body) is said
    quake = replace(QUAKE, severity=Severity.MODERATE, announced_at=at)
    assert "before dark" not in compose(quake, "en", "page", APPROVED, names).body


def test_times_are_those_of_japan_whatever_zone_they_come_in() -> None:
    assert sms(replace(QUAKE, announced_at=AT.astimezone(UTC)), "vi") == sms(QUAKE, "vi")
    with pytest.raises(ValueError, match="time zone"):
        replace(QUAKE, announced_at=datetime(2016, 4, 14))


# --- promise 10: wording that people have not approved


@pytest.mark.parametrize("lang", DRAFTS.languages)
def test_unapproved_wording_never_goes_alone(lang: str) -> None:
    push = compose(RAIN, lang, "push", DRAFTS, names)
    whole = push.title + "\n" + push.body
    assert push.unreviewed
    assert "4" in whole
    assert "レベル4 大雨危険警報" in whole
    assert "いますぐ にげて ください" in whole  # Easy Japanese
    assert "LEVEL 4 Heavy Rain Urgent Warning" in whole
    assert DRAFTS.say(lang, "alert.unreviewed") in whole
    text = compose(RAIN, lang, "sms", DRAFTS, names)
    assert text.unreviewed
    assert DRAFTS.say(lang, "alert.unreviewed.short") in text.body


@pytest.mark.parametrize("lang", DRAFTS.languages)
def test_approved_wording_goes_without_marks(lang: str) -> None:
    for channel in ("sms", "push", "page"):
        text = compose(RAIN, lang, channel, APPROVED, names)
        assert not text.unreviewed
        assert DRAFTS.say(lang, "alert.unreviewed") not in text.body
        assert DRAFTS.say(lang, "alert.unreviewed.short") not in text.body


def test_one_draft_text_among_approved_ones_marks_the_whole() -> None:
    files = {path.stem: po.read(path) for path in LOCALES.glob("*.po")}
    for key, entry in files["vi"].items():
        if key != "do.heavy_rain.severe":
            stamp = f"state: approved; by: r1; on: 2026-11-01; of: {entry.fingerprint}"
            files["vi"][key] = entry._replace(comment=stamp)
    catalogs = Catalogs(files)
    assert compose(RAIN, "vi", "push", catalogs, names).unreviewed
    assert not compose(QUAKE, "vi", "push", catalogs, names).unreviewed


def test_easy_japanese_stands_under_every_foreign_push_even_when_approved() -> None:
    assert "いますぐ にげて ください" in compose(RAIN, "vi", "push", APPROVED, names).body
    assert "LEVEL 4" not in compose(RAIN, "vi", "push", APPROVED, names).body


def test_the_language_is_the_first_approved_of_the_persons_two() -> None:
    vi_only = approve("vi")
    assert alert_language(vi_only, ["ne", "vi"]) == "vi"
    assert alert_language(vi_only, ["vi", "ne"]) == "vi"
    assert alert_language(DRAFTS, ["ne", "vi"]) == "ne"
    assert alert_language(DRAFTS, ["uz", "tl"]) == "fil"
    assert alert_language(DRAFTS, ["uz", ""]) == "en"
    assert not DRAFTS.approved("ja", ALERT_PREFIXES)  # software never approves: all our texts are drafts


# --- SMS and push details


def test_latin_languages_stay_in_gsm7_and_without_kanji() -> None:
    for lang in ("en", "id", "fil"):
        text = compose(replace(QUAKE, sender="熊本協同組合"), lang, "sms", DRAFTS, names)
        assert text.encoding == "GSM-7"
        assert text.body.startswith("Daijobu: ")
    assert sms(replace(QUAKE, sender="熊本協同組合"), "ja").startswith("【熊本協同組合】")


def test_a_ucs2_sms_carries_the_japanese_term() -> None:
    assert "CẤP ĐỘ 4 Cảnh báo khẩn cấp mưa to (大雨危険警報)" in sms(RAIN, "vi")
    assert "श्रेणी 4 ठूलो वर्षा जोखिम चेतावनी (大雨危険警報)" in sms(RAIN, "ne")
    assert "(震度6弱)" in sms(QUAKE, "my")


def test_a_push_title_has_the_level_and_stays_short() -> None:
    for lang in DRAFTS.languages:
        for ctx in (QUAKE, RAIN, replace(RAIN, purpose=Purpose.DRILL, moment=Moment.UPDATE)):
            title = compose(ctx, lang, "push", DRAFTS, names).title
            assert visible_length(title) <= TITLE_LIMIT
            assert ("6" if ctx is QUAKE else "4") in title


def test_the_page_explains_and_lists() -> None:
    page = compose(RAIN, "en", "page", APPROVED, names)
    assert page.title == "LEVEL 4 Heavy Rain Urgent Warning (レベル4 大雨危険警報)"
    assert page.body.splitlines()[2:5] == [
        "Level 4: a disaster is very likely. Everyone in a dangerous place must leave.",
        "If you are in a dangerous place, evacuate now.",
        "Go to a shelter (hinanjo) or high place. Avoid rivers and slopes.",
    ]


def test_the_link_is_filled_in_at_the_end_and_au_is_kept_in_mind() -> None:
    body = fill_link(sms(QUAKE, "zh-Hans"), "https://d.example/c/abc")
    assert body.splitlines()[-1] == "https://d.example/c/abc"
    assert LINK not in body
    short = fill_link("您平安吗？\n{link}", "https://d.example/c/a")
    assert not breaks_on_au(short)


def test_equal_texts_have_equal_keys_and_different_ones_do_not() -> None:
    key = text_key(QUAKE, "vi", "sms")
    assert key == text_key(replace(QUAKE, announced_at=AT.astimezone(UTC)), "vi", "sms")
    assert len(key) == 16
    others = [
        text_key(QUAKE, "vi", "push"),
        text_key(QUAKE, "ne", "sms"),
        text_key(replace(QUAKE, purpose=Purpose.DRILL), "vi", "sms"),
        text_key(replace(QUAKE, simulated=True), "vi", "sms"),
        text_key(replace(QUAKE, places=(PlaceText(WORK, "jma.city", "m", "6-"),)), "vi", "sms"),
        text_key(replace(QUAKE, severity=Severity.SEVERE), "vi", "sms"),
    ]
    assert len({key, *others}) == 7


def test_an_unknown_channel_or_hazard_is_named() -> None:
    with pytest.raises(ValueError, match="'fax'"):
        compose(QUAKE, "en", "fax", DRAFTS, names)
    with pytest.raises(LookupError, match="eruption"):
        compose(replace(QUAKE, hazard="eruption"), "en", "sms", DRAFTS, names)
