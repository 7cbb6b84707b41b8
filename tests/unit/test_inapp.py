"""Browsers inside other apps are recognised, ordinary ones are not mistaken for them."""

from __future__ import annotations

import pytest

from registry.inapp import Browser, read_user_agent, way_out

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
ANDROID = "Mozilla/5.0 (Linux; Android 13; SM-A135F Build/TP1A; wv) AppleWebKit/537.36 (KHTML, like Gecko)"
CHROME = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36"
)


@pytest.mark.parametrize(
    ("user_agent", "app", "platform"),
    [
        (f"{IPHONE} Mobile/15E148 Safari Line/14.2.1", "LINE", "ios"),
        (f"{ANDROID} Version/4.0 Chrome/124.0.0.0 Mobile Safari/537.36 Line/14.5.1/IAB", "LINE", "android"),
        (f"{IPHONE} Mobile/15E148 [FBAN/MessengerForiOS;FBAV/450.0;FBDV/iPhone14,5]", "Messenger", "ios"),
        (f"{ANDROID} Chrome/124.0 Mobile Safari/537.36 [FB_IAB/Orca-Android;FBAV/450.0.0]", "Messenger", "android"),
        (f"{IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/462.0;FBBV/591]", "Facebook", "ios"),
        (f"{ANDROID} Chrome/124.0 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/462.0.0;]", "Facebook", "android"),
        (f"{IPHONE} Mobile/21E219 Instagram 325.0.0.27.90 (iPhone14,5; iOS 17_4)", "Instagram", "ios"),
        (f"{ANDROID} Chrome/124.0 Mobile Safari/537.36 Zalo android/24041201 ZaloTheme/light", "Zalo", "android"),
        (f"{IPHONE} Mobile/15E148 Zalo iOS/500 ZaloTheme/light ZaloLanguage/vi", "Zalo", "ios"),
        (f"{ANDROID} Chrome/116.0 Mobile Safari/537.36 MMWEBID/1 MicroMessenger/8.0.49", "WeChat", "android"),
        (f"{IPHONE} Mobile/15E148 KAKAOTALK 10.7.0", "KakaoTalk", "ios"),
        (f"{IPHONE} Mobile/15E148 musical_ly_34.1.0 BytedanceWebview/d8a21c6", "TikTok", "ios"),
        (f"{ANDROID} Version/4.0 Chrome/124.0.0.0 Mobile Safari/537.36", "app", "android"),
        (CHROME, "", "android"),
        (f"{IPHONE} Version/17.4 Mobile/15E148 Safari/604.1", "", "ios"),
        (f"{IPHONE} CriOS/124.0.6367.71 Mobile/15E148 Safari/604.1", "", "ios"),
        ("Mozilla/5.0 (Android 13; Mobile; rv:125.0) Gecko/125.0 Firefox/125.0", "", "android"),
        (
            "Mozilla/5.0 (Linux; Android 13; SM-A135F) AppleWebKit/537.36 SamsungBrowser/24.0 Chrome/117.0",
            "",
            "android",
        ),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/124.0.0.0 Safari/537.36", "", "other"),
        ("Mozilla/5.0 (X11; Linux x86_64) Timeline/1 Airline", "", "other"),
        ("", "", "other"),
    ],
)
def test_user_agents(user_agent: str, app: str, platform: str) -> None:
    browser = read_user_agent(user_agent)
    assert browser == Browser(app, platform)
    assert browser.can_push is (app == "")
    assert browser.wants_home_screen is (app == "" and platform == "ios")


URL = "https://daijobu.example.jp/e/AbCdEfGhJkLm"


@pytest.mark.parametrize(
    ("browser", "url", "leads_to"),
    [
        (Browser("LINE", "ios"), URL, URL + "?openExternalBrowser=1"),
        (Browser("LINE", "android"), URL + "?lang=vi", URL + "?lang=vi&openExternalBrowser=1"),
        (Browser("Messenger", "android"), URL,
         "intent://daijobu.example.jp/e/AbCdEfGhJkLm#Intent;scheme=https;action=android.intent.action.VIEW;end"),
        (Browser("Messenger", "ios"), URL, ""),
        (Browser("Zalo", "android"), "http://127.0.0.1:8080/e/AbCdEfGhJkLm", ""),
        (Browser("", "android"), URL, ""),
    ],
)  # fmt: skip
def test_ways_out(browser: Browser, url: str, leads_to: str) -> None:
    assert way_out(browser, url) == leads_to
