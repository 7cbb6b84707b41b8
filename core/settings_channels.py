"""Settings of the ways to reach people. Part of core.settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from core.send_rates import send_rates_of


class SmsSettings(BaseModel):
    """What waits for two people, and SMS by Twilio."""

    model_config = ConfigDict(defer_build=True)

    manual_share: float = Field(
        0.3,
        ge=0,
        le=1,
        description="What people send by hand, and polygons without area codes, wait for two people if they would "
        "reach more than this part of the registry (0 to 1); official telegrams are never held for their reach.",
    )
    twilio_account_sid: str = Field("", description="Twilio account SID; empty: no SMS provider (console instead).")
    twilio_auth_token: SecretStr | None = Field(
        None, description="Twilio auth token; also checks the signature of callbacks."
    )
    twilio_auth_token_old: SecretStr | None = Field(
        None, description="The auth token before, while it is being changed: call-backs signed with it still count."
    )
    twilio_two_way: bool = Field(
        False,
        description="The sender can receive: texts offer `1` and `2` as answers. In Japan Twilio's senders cannot.",
    )
    twilio_blank_after_days: int = Field(
        7, ge=1, le=29, description="Days after which a text is blanked at Twilio too; ours is kept 30 days."
    )
    sms_countries: str = Field(
        "JP", description="Countries whose numbers get SMS, as comma-separated ISO 3166-1 letters (JP,KR)."
    )
    sms_per_number_hour: int = Field(
        20,
        ge=1,
        description="SMS to one number in an hour, counted over all processes (a bucket that fills up again evenly); "
        "beyond it only live alerts go, with an alarm.",
    )
    sms_month_cap_jpy: int = Field(
        0,
        ge=0,
        description="Yen for SMS in a month (Japan's time); 0: no limit. Beyond it drills, tests and codes stop; live "
        "alerts go on, with an alarm.",
    )
    twilio_messaging_service_sid: str = Field(
        "", description="Twilio messaging service that sends; or set the sender below."
    )
    twilio_from: str = Field("", description="Twilio sender number or alphanumeric ID, without a messaging service.")

    @field_validator("sms_countries")
    @classmethod
    def _countries(cls, value: str) -> str:
        codes = [part.strip().upper() for part in value.split(",") if part.strip()]
        if not codes or any(len(code) != 2 or not (code.isascii() and code.isalpha()) for code in codes):
            raise ValueError("must be two-letter codes of countries, e.g. JP or JP,KR")
        return ",".join(codes)

    @property
    def sms_configured(self) -> bool:
        return bool(self.twilio_account_sid and self.twilio_auth_token)


class ChannelSettings(SmsSettings):
    """The other ways to reach people, and how fast any of them is used."""

    model_config = ConfigDict(defer_build=True)

    twilio_base_url: str = Field(
        "https://api.twilio.com", description="Base URL of Twilio's API; tests point it at a local fake."
    )
    smtp_host: str = Field("", description="Mail server that takes our e-mails (submission); empty: no e-mail is sent.")
    smtp_port: int = Field(587, ge=1, le=65535, description="Port of the mail server.")
    smtp_tls: Literal["starttls", "tls", "none"] = Field(
        "starttls",
        description="How the connection to the mail server is encrypted: `starttls`, `tls` from the first byte (port "
        "465), or `none` (a server on this machine only).",
    )
    smtp_user: str = Field("", description="Account at the mail server; empty: it takes mail without one.")
    smtp_password: SecretStr | None = Field(None, description="Password of that account.")
    smtp_from: str = Field("", description="Sender address of our e-mails, e.g. alerts@daijobu.example.jp.")
    smtp_connections: int = Field(8, ge=1, le=100, description="Connections to the mail server that one process keeps.")
    line_channel_token: SecretStr | None = Field(
        None, description="Channel access token (long-lived) of the LINE Messaging API; empty: no LINE."
    )
    line_channel_secret: SecretStr | None = Field(
        None, description="Channel secret of the same LINE channel; checks the signature of its webhook, /t/line."
    )
    line_basic_id: str = Field(
        "", description="Basic ID of the LINE official account, e.g. @daijobu, that people add as a friend."
    )
    line_base_url: str = Field(
        "https://api.line.me", description="Base URL of LINE's API; tests point it at a local fake."
    )
    sms_price_jpy: float = Field(12.0, ge=0, description="Yen per SMS segment, for the cost shown in previews.")
    voice_price_jpy: float = Field(
        30.0, ge=0, description="Yen per minute of a telephone call, for the cost shown in previews."
    )
    vapid_private_key: SecretStr | None = Field(
        None, description="VAPID private key (PEM or base64url); default data_dir/keys/vapid.pem, made at first start."
    )
    vapid_subject: str = Field(
        "", description="mailto: or https: contact that push services may use; default from contact."
    )
    push_hosts: str = Field(
        "fcm.googleapis.com,jmt17.google.com,updates.push.services.mozilla.com,web.push.apple.com,notify.windows.com",
        description="Push services an endpoint may belong to (host equal to or under); others are refused.",
    )
    push_envelopes: int = Field(
        100_000,
        ge=0,
        le=2_000_000,
        description="Push messages whose encryption a `send` process prepares while it is idle, one per browser "
        "(about 350 bytes of memory each); 0: none.",
    )
    push_allow_http: bool = Field(False, description="Accept http push endpoints on loopback; for tests only.")
    voice_from: str = Field(
        "",
        description="Twilio number that calls people who were told of extreme danger and have not answered after 20 "
        "minutes; empty: nobody is called.",
    )
    voice_recordings: Path | None = Field(
        None,
        description="Folder of recordings that calls play, as `my/thanks.mp3` or `.wav` (`main.py recordings` lists "
        "what is missing); what is not there is spoken by the provider.",
    )
    voice_hours: str = Field(
        "00-00",
        pattern=r"^([01]\d|2[0-3])-([01]\d|2[0-3])$",
        description="Hours of Japan's day in which people may be called, e.g. 06-22; 00-00: all.",
    )
    voice_calls_a_day: int = Field(
        500,
        ge=0,
        description="Calls in 24 hours, counted over all processes (a bucket that fills up again evenly); beyond it "
        "nobody is called, with an alarm.",
    )
    send_in_flight: int = Field(
        256, ge=1, le=5000, description="Messages one worker may have in flight; a crash repeats at most these."
    )
    send_timeout_s: float = Field(10.0, gt=0, description="Seconds a provider may take to answer one message.")
    send_rates: str = Field(
        "voice=1/1",
        description="Messages a second that all workers together hand to a provider, as comma-separated "
        "lane=rate/burst; a lane is a channel (sms=10/20), or one push service (push:fcm.googleapis.com=2000/4000). A "
        "lane that is not named goes as fast as its provider takes them.",
    )

    @field_validator("twilio_base_url", "line_base_url")
    @classmethod
    def _no_trailing_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @field_validator("line_basic_id")
    @classmethod
    def _with_at(cls, value: str) -> str:
        if value and not re.fullmatch(r"@?[a-z0-9._-]{3,20}", value):
            raise ValueError("must be the basic ID of a LINE official account, e.g. @daijobu")
        return value if not value or value.startswith("@") else f"@{value}"

    @model_validator(mode="after")
    def _mail_goes_out(self) -> Self:
        """Both halves of a mail server's settings or none; a password never over an open line."""
        if bool(self.smtp_host) != bool(self.smtp_from):
            raise ValueError("DAIJOBU_SMTP_HOST and DAIJOBU_SMTP_FROM belong together: set both, or neither")
        if self.smtp_from and not re.fullmatch(r"[^\s@,;<>()\"]+@[^\s@,;<>()\"]+", self.smtp_from):
            raise ValueError("DAIJOBU_SMTP_FROM must be one mail address, e.g. alerts@daijobu.example.jp")
        if self.smtp_tls == "none" and self.smtp_host and self.smtp_host not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError("DAIJOBU_SMTP_TLS may be none only for a mail server on this machine")
        return self

    @field_validator("send_rates")
    @classmethod
    def _lanes(cls, value: str) -> str:
        send_rates_of(value)
        return value

    @property
    def voice_configured(self) -> bool:
        return self.sms_configured and bool(self.voice_from)

    @property
    def voice_hours_pair(self) -> tuple[int, int]:
        """The hours of Japan's day in which people may be called, (0, 0): all of them."""
        first, _, last = self.voice_hours.partition("-")
        return int(first), int(last)

    @property
    def email_configured(self) -> bool:
        return bool(self.smtp_host and self.smtp_from)

    @property
    def line_configured(self) -> bool:
        return bool(self.line_channel_token and self.line_channel_secret)
