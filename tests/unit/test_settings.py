"""Settings: defaults for a laptop, secrets from files, and a typo that stops the start with one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.settings import SettingsError, load_settings


def test_an_empty_environment_is_a_laptop() -> None:
    settings = load_settings({})
    assert settings.site_url == "http://127.0.0.1:8080"
    assert settings.is_loopback and not settings.is_https and not settings.sms_configured
    assert settings.prefectures == ("43",)


def test_values_come_from_the_environment_and_secrets_from_files(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("s3cret\n", encoding="utf-8")
    settings = load_settings(
        {
            "DAIJOBU_PUBLIC_URL": "https://daijobu.example.jp/",
            "DAIJOBU_REGION": "43, 40",
            "DAIJOBU_TWILIO_ACCOUNT_SID": "AC0",
            "DAIJOBU_TWILIO_AUTH_TOKEN_FILE": str(secret),
            "PATH": "/bin",
        }
    )
    assert settings.site_url == "https://daijobu.example.jp" and settings.is_https
    assert settings.prefectures == ("43", "40")
    assert settings.twilio_auth_token is not None and settings.twilio_auth_token.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"DAIJOBU_PROT": "80"}, r"DAIJOBU_PROT is not a setting"),
        ({"DAIJOBU_PORT": "eighty"}, r"DAIJOBU_PORT: .*integer"),
        ({"DAIJOBU_REGION": "48"}, r"DAIJOBU_REGION: .*prefecture codes"),
        ({"DAIJOBU_JMA_FEED_URL": "https://x.example/feed"}, r"DAIJOBU_JMA_FEED_URL: .*must end with /"),
        ({"DAIJOBU_TWILIO_AUTH_TOKEN_FILE": "/nowhere/t"}, r"DAIJOBU_TWILIO_AUTH_TOKEN_FILE: cannot read /nowhere/t"),
        ({"DAIJOBU_CAP_FEEDS": "gdacs"}, r"DAIJOBU_CAP_FEEDS: .*'gdacs' is not name=URL"),
        ({"DAIJOBU_CAP_FEEDS": "a.b=https://x.example"}, r"DAIJOBU_CAP_FEEDS: .*is not name=URL"),
        ({"DAIJOBU_CAP_FEEDS": "a=https://x.example,a=https://y.example"}, r"DAIJOBU_CAP_FEEDS: .*one feed twice"),
        ({"DAIJOBU_USGS_URL": "earthquake.usgs.gov"}, r"DAIJOBU_USGS_URL: .*https://"),
        ({"DAIJOBU_P2PQUAKE_WS_URL": "https://x.example"}, r"DAIJOBU_P2PQUAKE_WS_URL: .*wss://"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence_that_names_the_variable(env: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence) as raised:
        load_settings(env)
    assert "\n" not in str(raised.value)


def test_an_empty_address_switches_a_source_off_and_another_jma_none_of_the_real_ones_on() -> None:
    assert load_settings({}).usgs_url.startswith("https://earthquake.usgs.gov/")
    off = load_settings({"DAIJOBU_USGS_URL": "", "DAIJOBU_P2PQUAKE_WS_URL": ""})
    assert (off.usgs_url, off.p2pquake_ws_url) == ("", "")
    assert off.p2pquake_url
    rehearsal = {"DAIJOBU_JMA_FEED_URL": "http://127.0.0.1:8000/feed/"}
    local = load_settings(rehearsal)
    assert (local.usgs_url, local.p2pquake_url, local.p2pquake_ws_url) == ("", "", "")
    assert load_settings(rehearsal | {"DAIJOBU_USGS_URL": "http://127.0.0.1/x"}).usgs_url == "http://127.0.0.1/x"


def test_cap_feeds_are_names_and_addresses() -> None:
    settings = load_settings(
        {"DAIJOBU_CAP_FEEDS": "a=https://x.example/?q=1, b = https://y.example/", "DAIJOBU_CAP_HOSTS": "Z.example, "}
    )
    assert settings.cap_sources == (("a", "https://x.example/?q=1"), ("b", "https://y.example/"))
    assert settings.cap_host_names == {"z.example"}
