"""One frozen object with every setting; the only place that reads the environment.

Variables carry the prefix DAIJOBU_ (and DATABASE_URL); a secret `X` may instead be read from the file named in
`X_FILE`. The defaults run on a laptop. A misspelt DAIJOBU_ variable stops start-up: a setting that silently does
nothing at three in the morning is worse than a service that refuses to start at noon.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from core.send_rates import send_rates_of


class SettingsError(ValueError):
    """A setting is wrong or unknown. The message names the variable and what it expects."""


PREFIX = "DAIJOBU_"
#: The one setting whose name is a convention older than ours.
DATABASE_URL = "DATABASE_URL"
#: Used by the test suite and the Makefile only; not settings of the service.
NOT_SETTINGS = frozenset({"DAIJOBU_TEST_DATABASE_URL"})

PUBLIC_NOMINATIM = "nominatim.openstreetmap.org"
JMA_FEED_URL = "https://www.data.jma.go.jp/developer/xml/feed/"
#: Sources that are asked unless their address is empty. Everywhere else an empty variable is one that is not set.
OFF_WHEN_EMPTY = ("p2pquake_url", "p2pquake_ws_url", "usgs_url")
_CAP_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,29}")


class Settings(BaseModel):
    """Every setting of the service, with a sentence each. Made by `load_settings`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="Address the website listens on.")
    port: int = Field(8080, ge=0, le=65535, description="Port the website listens on; 0 lets the system choose.")
    public_url: str = Field(
        "",
        description="What people type to reach us, e.g. https://daijobu.example.jp; default: http on host and port.",
    )
    data_dir: Path = Field(
        Path(".data"), description="Folder of the embedded database, the keys and the area tables that were fetched."
    )
    database_url: SecretStr | None = Field(
        None, description="DATABASE_URL of an external PostgreSQL 15 to 18; empty means the embedded one."
    )
    pool_size: int = Field(10, ge=2, le=200, description="Database connections of one process.")
    region: str = Field(
        "43", description="Prefectures served, as comma-separated two-digit JIS codes; Kumamoto (43) first."
    )
    contact: str = Field(
        "https://github.com/daijobu", description="Web or mail address put into the User-Agent when polling feeds."
    )
    sender_name: str = Field(
        "Daijobu", max_length=11, description="Sender tag at the start of every SMS, at most 11 characters."
    )
    key_file: Path | None = Field(
        None, description="File with the data keys; default data_dir/keys/data.key, made at first start."
    )
    data_keys: SecretStr | None = Field(
        None,
        description="The lines of the key file themselves, where secrets come by the environment: read at start only, "
        "and never written by `keys rotate`.",
    )
    audit_private_key: SecretStr | None = Field(
        None,
        description="Ed25519 key (64 hex characters) that signs the audit log; "
        "default data_dir/keys/audit.key, made at first start.",
    )

    jma_feed_url: str = Field(
        JMA_FEED_URL,
        description="Folder of JMA's Atom feeds, with the final slash.",
    )
    eqvol_every_s: float = Field(30.0, gt=0, description="Seconds between polls of the earthquake feed.")
    extra_every_s: float = Field(60.0, gt=0, description="Seconds between polls of the warnings feed.")
    jma_warning_family: Literal["new", "old"] = Field(
        "new",
        description="Which of JMA's two parallel schemes of rain, landslide and surge warnings alerts: `new` "
        "(VPWW55-57, levels 2 to 5) or `old` (VPWW53/54, VXWW50), for the day the new one fails. Never both.",
    )
    feed_daily_byte_budget: int = Field(
        2_000_000_000, gt=0, description="Bytes a day and feed host; JMA blocks an address at 10 GB."
    )
    feed_max_body_bytes: int = Field(8_000_000, gt=0, description="A larger telegram is refused and reported.")

    p2pquake_url: str = Field(
        "https://api.p2pquake.net/v2/",
        description="Base URL of P2PQuake's API, with the final slash, for its history; empty: not asked.",
    )
    p2pquake_ws_url: str = Field(
        "wss://api.p2pquake.net/v2/ws", description="P2PQuake's WebSocket; empty: not listened to."
    )
    usgs_url: str = Field(
        "https://earthquake.usgs.gov/earthquakes/feed/v1.0/summary/4.5_day.geojson",
        description="Summary feed (GeoJSON) of the US Geological Survey; empty: not asked.",
    )
    cap_feeds: str = Field(
        "",
        description="CAP 1.2 feeds of other agencies, as comma-separated name=URL (Atom, RSS or one CAP document); "
        "a name is up to 30 letters a-z, digits and hyphens.",
    )
    cap_hosts: str = Field(
        "", description="Hosts, comma-separated, besides a CAP feed's own from which its documents may come (https)."
    )
    other_every_s: float = Field(
        60.0, gt=0, description="Seconds between polls of P2PQuake's history, of USGS and of each CAP feed."
    )

    geocoder: Literal[
        "", "nominatim", "photon", "pelias", "googlev3", "herev7", "mapbox", "arcgis", "tomtom", "azure", "opencage"
    ] = Field(
        "",
        description="Online geocoder, by its name in geopy, that is asked for the one address of a dorm or workplace "
        "which a member of staff has typed; empty: nothing leaves this machine. Never asked for lists.",
    )
    geocoder_url: str = Field(
        "", description="Address of the geocoder's server, e.g. https://photon.example.jp; empty: geopy's own default."
    )
    geocoder_key: SecretStr | None = Field(None, description="API key of the online geocoder, where it wants one.")
    geocoder_user_agent: str = Field(
        "", description="User-Agent sent to the online geocoder; empty: Daijobu with the contact above."
    )
    geocoder_min_delay_s: float = Field(
        1.0, ge=0, le=60, description="Least seconds between two requests to the online geocoder from one process."
    )
    geocoder_timeout_s: float = Field(
        5.0, gt=0, le=30, description="Seconds the online geocoder may take; what is known offline counts then."
    )
    geocoder_personal: bool = Field(
        False,
        description="Also send the home address of one person, which a member of staff has typed, to the online "
        "geocoder. Personal data leaves this machine then: name the service in your privacy notice.",
    )

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
    geo_jma_url: str = Field(
        "https://www.jma.go.jp/bosai/common/const/",
        description="Where `geo update` finds JMA's area.json and, in geojson/, its polygons: an address or a folder.",
    )
    geo_codes_url: str = Field(
        "",
        description="JMA's code tables as CSV for `geo update`: a zip file (address or path) or a folder; empty: none.",
    )
    geo_n03_url: str = Field(
        "https://nlftp.mlit.go.jp/ksj/gml/data/N03/N03-2026/N03-20260101_{pref}_GML.zip",
        description="Where `geo update` finds a prefecture's N03 boundaries: an address or path with {pref} in it.",
    )
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
    case_after_s: int | None = Field(
        None,
        ge=1,
        description="Seconds of silence before a case opens, for drills and demos; default: what rules/ say.",
    )
    demo_people: int = Field(300, ge=240, le=20_000, description="Residents of the fictional registry of `make demo`.")
    demo_answer_median_s: float = Field(
        20.0, gt=0, description="Median seconds after which a simulated resident answers."
    )
    api_per_minute: int = Field(
        600, ge=10, le=100_000, description="Calls that one API token may make in a minute, over all processes."
    )
    webhook_allow_loopback: bool = Field(
        False, description="Let webhooks go to this machine, also over http; for tests only."
    )
    alarm_url: SecretStr | None = Field(
        None,
        description="Address that gets a POST of JSON with `text` for each alarm to operators (Slack, Mattermost and "
        "the like); beside it, operators with a proven telephone get an SMS.",
    )
    alarm_apprise_urls: SecretStr | None = Field(
        None,
        description="Apprise addresses (separated by blanks or line ends) that get each alarm to operators as well, "
        "e.g. Teams, Telegram or a mailbox; needs the package apprise.",
    )
    alarm_language: Literal["ja", "en"] = Field("ja", description="Language of the texts sent to the alarm address.")
    deadman_url: SecretStr | None = Field(
        None,
        description="Address of a watch outside this installation that is called every minute while nothing critical "
        "is wrong, and that raises the alarm itself when the calls stop.",
    )
    metrics_token: SecretStr | None = Field(
        None,
        description="Bearer token for GET /metrics; without one only this machine itself may read it.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="How much is logged; no level logs personal data."
    )
    oidc_issuer: str = Field(
        "",
        description="OpenID Connect issuer whose accounts staff may sign in with; empty: passwords and passkeys only.",
    )
    oidc_client_id: str = Field("", description="Client ID that the OpenID issuer gave this installation.")
    oidc_client_secret: SecretStr | None = Field(
        None, description="Client secret of that client ID; the redirect address to register is /sign-in/oidc/done."
    )
    log_json: bool = Field(False, description="Write logs as one JSON object per line.")

    @field_validator("public_url", "twilio_base_url", "line_base_url")
    @classmethod
    def _no_trailing_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @field_validator("line_basic_id")
    @classmethod
    def _with_at(cls, value: str) -> str:
        if value and not re.fullmatch(r"@?[a-z0-9._-]{3,20}", value):
            raise ValueError("must be the basic ID of a LINE official account, e.g. @daijobu")
        return value if not value or value.startswith("@") else f"@{value}"

    @field_validator("oidc_issuer")
    @classmethod
    def _encrypted(cls, value: str) -> str:
        if value and not value.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
            raise ValueError("must begin with https://")
        return value

    @model_validator(mode="before")
    @classmethod
    def _stay_local(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Whoever points JMA's address elsewhere (a test, a rehearsal) does not mean the real other sources either."""
        if values.get("jma_feed_url", JMA_FEED_URL) == JMA_FEED_URL:
            return values
        return dict.fromkeys(OFF_WHEN_EMPTY, "") | values

    @field_validator("sms_countries")
    @classmethod
    def _countries(cls, value: str) -> str:
        codes = [part.strip().upper() for part in value.split(",") if part.strip()]
        if not codes or any(len(code) != 2 or not (code.isascii() and code.isalpha()) for code in codes):
            raise ValueError("must be two-letter codes of countries, e.g. JP or JP,KR")
        return ",".join(codes)

    @field_validator("geocoder_url")
    @classmethod
    def _geocoder_address(cls, value: str) -> str:
        if value and not value.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
            raise ValueError("must begin with https:// (http:// only on this machine)")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _mail_goes_out(self) -> Settings:
        """Both halves of a mail server's settings or none; a password never over an open line."""
        if bool(self.smtp_host) != bool(self.smtp_from):
            raise ValueError("DAIJOBU_SMTP_HOST and DAIJOBU_SMTP_FROM belong together: set both, or neither")
        if self.smtp_from and not re.fullmatch(r"[^\s@,;<>()\"]+@[^\s@,;<>()\"]+", self.smtp_from):
            raise ValueError("DAIJOBU_SMTP_FROM must be one mail address, e.g. alerts@daijobu.example.jp")
        if self.smtp_tls == "none" and self.smtp_host and self.smtp_host not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError("DAIJOBU_SMTP_TLS may be none only for a mail server on this machine")
        return self

    @model_validator(mode="after")
    def _fair_use(self) -> Settings:
        """The rules of the public Nominatim server; one's own server has its own. Pelias has no public one."""
        if self.geocoder == "pelias" and not self.geocoder_url:
            raise ValueError("DAIJOBU_GEOCODER_URL must name the server of Pelias: there is no public one")
        public = urlsplit(self.geocoder_url).hostname in (None, PUBLIC_NOMINATIM)
        if self.geocoder == "nominatim" and public:
            if self.geocoder_min_delay_s < 1:
                raise ValueError("DAIJOBU_GEOCODER_MIN_DELAY_S must be 1 or more for the public Nominatim server")
            if self.geocoder_agent.endswith(f"({type(self).model_fields['contact'].default})"):
                raise ValueError("DAIJOBU_CONTACT must be yours: the public Nominatim server asks who is calling")
            if not re.search(r"@|https?://", self.geocoder_agent):
                raise ValueError("DAIJOBU_GEOCODER_USER_AGENT must hold a mail or web address for the public Nominatim")
        return self

    @field_validator("jma_feed_url", "p2pquake_url")
    @classmethod
    def _folder(cls, value: str) -> str:
        if value and not value.endswith("/"):
            raise ValueError("must end with /")
        return value

    @field_validator("jma_feed_url", "p2pquake_url", "usgs_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if value and not value.startswith(("https://", "http://")):
            raise ValueError("must begin with https:// or http://")
        return value

    @field_validator("p2pquake_ws_url")
    @classmethod
    def _socket_address(cls, value: str) -> str:
        if value and not value.startswith(("wss://", "ws://")):
            raise ValueError("must begin with wss:// or ws://")
        return value

    @field_validator("cap_feeds")
    @classmethod
    def _named_addresses(cls, value: str) -> str:
        parts = [part.strip() for part in value.split(",") if part.strip()]
        names = [part.partition("=")[0].strip() for part in parts]
        for part, name in zip(parts, names, strict=True):
            url = part.partition("=")[2].strip()
            if not _CAP_NAME.fullmatch(name) or not url.startswith(("https://", "http://")):
                raise ValueError(f"{part[:80]!r} is not name=URL, e.g. gdacs=https://www.gdacs.org/xml/rss.xml")
        if len(set(names)) < len(names):
            raise ValueError("names one feed twice")
        return ",".join(parts)

    @field_validator("send_rates")
    @classmethod
    def _lanes(cls, value: str) -> str:
        send_rates_of(value)
        return value

    @field_validator("region")
    @classmethod
    def _prefectures(cls, value: str) -> str:
        codes = [part.strip() for part in value.split(",") if part.strip()]
        if not codes or any(len(c) != 2 or not c.isdigit() or not 1 <= int(c) <= 47 for c in codes):
            raise ValueError("must be two-digit prefecture codes between 01 and 47, e.g. 43 or 43,40")
        return ",".join(codes)

    @property
    def geocoder_agent(self) -> str:
        """The User-Agent for the online geocoder."""
        return self.geocoder_user_agent or f"Daijobu ({self.contact})"

    @property
    def prefectures(self) -> tuple[str, ...]:
        """The region as codes, e.g. ("43",)."""
        return tuple(self.region.split(","))

    @property
    def cap_sources(self) -> tuple[tuple[str, str], ...]:
        """(name, URL) of each CAP feed, in the order given."""
        pairs = (part.partition("=") for part in self.cap_feeds.split(",") if part)
        return tuple((name.strip(), url.strip()) for name, _, url in pairs)

    @property
    def cap_host_names(self) -> frozenset[str]:
        """Further hosts that CAP documents may come from."""
        return frozenset(host.strip().lower() for host in self.cap_hosts.split(",") if host.strip())

    @property
    def site_url(self) -> str:
        """The absolute URL under which people reach the website, without a final slash."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @property
    def is_https(self) -> bool:
        return urlsplit(self.site_url).scheme == "https"

    @property
    def is_loopback(self) -> bool:
        return urlsplit(self.site_url).hostname in ("127.0.0.1", "localhost", "::1")

    @property
    def keys_dir(self) -> Path:
        return self.data_dir / "keys"

    @property
    def oidc_configured(self) -> bool:
        return bool(self.oidc_issuer and self.oidc_client_id)

    @property
    def sms_configured(self) -> bool:
        return bool(self.twilio_account_sid and self.twilio_auth_token)

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

    @property
    def apprise_urls(self) -> tuple[str, ...]:
        """The operators' Apprise addresses, one each."""
        return () if self.alarm_apprise_urls is None else tuple(self.alarm_apprise_urls.get_secret_value().split())


def variable_name(field: str) -> str:
    """The environment variable of a field: DATABASE_URL, else DAIJOBU_ and the name in capitals."""
    return DATABASE_URL if field == "database_url" else PREFIX + field.upper()


def load_settings(env: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Read the settings from `env` (default: the process environment). Raises SettingsError with one sentence."""
    env = os.environ if env is None else env
    known = {variable_name(name): name for name in Settings.model_fields}
    values: dict[str, Any] = {}
    for variable, raw in env.items():
        if variable in known:
            if raw != "" or known[variable] in OFF_WHEN_EMPTY:
                values[known[variable]] = raw
        elif variable.endswith("_FILE") and variable[: -len("_FILE")] in known:
            path = Path(raw)
            try:
                values[known[variable[: -len("_FILE")]]] = path.read_text(encoding="utf-8").strip()
            except OSError as error:
                raise SettingsError(f"{variable}: cannot read {path}: {error.strerror}") from error
        elif variable.startswith(PREFIX) and variable not in NOT_SETTINGS:
            raise SettingsError(f"{variable} is not a setting; see docs/settings.md for the names.")
    values.update(overrides)
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = variable_name(str(first["loc"][0])) if first["loc"] else "settings"
        raise SettingsError(f"{name}: {first['msg']}.") from error
