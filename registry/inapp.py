"""Browsers inside other apps: which ones cannot show notifications, and how to leave them. Pure.

A link tapped in LINE or Messenger opens in that app's own browser, which has no Push API (W3C Push API, §3: a service
worker registration is needed; embedded web views have none). iOS gives push only to pages on the home screen (WebKit,
16 February 2023, "Web Push for Web Apps on iOS and iPadOS").
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import urlsplit

#: What the user agent of an in-app browser contains -> the app's name. The first that matches counts.
_APPS: Final = (
    (re.compile(r"\bLine/\d"), "LINE"),
    (re.compile(r"FB_IAB/(MESSENGER|Orca)|FBAN/Messenger|Orca-Android", re.IGNORECASE), "Messenger"),
    (re.compile(r"\bInstagram\b"), "Instagram"),
    (re.compile(r"\bFB(AN|AV|_IAB|IOS|SS)\b"), "Facebook"),
    (re.compile(r"\bZalo\b", re.IGNORECASE), "Zalo"),
    (re.compile(r"\bMicroMessenger/"), "WeChat"),
    (re.compile(r"\bKAKAOTALK\b", re.IGNORECASE), "KakaoTalk"),
    (re.compile(r"\bViber\b"), "Viber"),
    (re.compile(r"musical_ly|BytedanceWebview|\bTikTok\b|\btrill_"), "TikTok"),
    (re.compile(r"\bTwitter(Android| for iPhone)"), "X"),
    (re.compile(r"\bYJApp-|Y!J-APP", re.IGNORECASE), "Yahoo! JAPAN"),
    # Android WebView says so itself (Chrome for Developers, "User-Agent strings": "; wv)").
    (re.compile(r"Android[^)]*; wv\)"), "app"),
)


class Browser(NamedTuple):
    """What matters about a browser. `app`: the app it is built into ("" for a browser of its own)."""

    app: str
    platform: str  # "ios", "android" or "other"

    @property
    def can_push(self) -> bool:
        """Whether notifications are possible from here at all."""
        return not self.app

    @property
    def wants_home_screen(self) -> bool:
        """Whether notifications need the page on the home screen first."""
        return self.can_push and self.platform == "ios"


def read_user_agent(user_agent: str) -> Browser:
    """What a User-Agent header says; an unknown or missing one is taken for an ordinary browser.

    >>> read_user_agent("Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Line/14.2.1")
    Browser(app='LINE', platform='ios')
    """
    platform = "ios" if re.search(r"\b(iPhone|iPad|iPod)\b", user_agent) else "other"
    if "Android" in user_agent:
        platform = "android"
    app = next((name for pattern, name in _APPS if pattern.search(user_agent)), "")
    return Browser(app, platform)


def way_out(browser: Browser, url: str) -> str:
    """A link that leaves the in-app browser for the phone's own one; "" where only the app's own menu helps.

    LINE opens `openExternalBrowser=1` outside (LINE Developers, "LIFF: Opening a URL in an external browser"); Android
    apps follow an intent address (Chrome for Developers, "Android Intents with Chrome").
    """
    if browser.app == "LINE":
        return f"{url}{'&' if '?' in url else '?'}openExternalBrowser=1"
    parts = urlsplit(url)
    if browser.app and browser.platform == "android" and parts.scheme == "https":
        return f"intent://{parts.netloc}{parts.path}#Intent;scheme=https;action=android.intent.action.VIEW;end"
    return ""
