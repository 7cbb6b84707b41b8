"""One frozen object with every setting; the only place that reads the environment.

Variables carry the prefix DAIJOBU_ (and DATABASE_URL); a secret `X` may instead be read from the file named in
`X_FILE`. The defaults run on a laptop. A misspelt DAIJOBU_ variable stops start-up: a setting that silently does
nothing at three in the morning is worse than a service that refuses to start at noon.

Each setting stands with its subject: settings_service, settings_feeds, settings_places, settings_channels; here what
operators see and what tests and demos change.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, SecretStr, ValidationError, field_validator

from core.settings_channels import ChannelSettings, SmsSettings
from core.settings_feeds import OFF_WHEN_EMPTY, FeedSettings
from core.settings_places import GeocoderSettings, GeoUpdateSettings
from core.settings_service import ServiceSettings


class SettingsError(ValueError):
    """A setting is wrong or unknown. The message names the variable and what it expects."""


PREFIX = "DAIJOBU_"
#: The one setting whose name is a convention older than ours.
DATABASE_URL = "DATABASE_URL"
#: Used by the test suite and the Makefile only; not settings of the service.
NOT_SETTINGS = frozenset({"DAIJOBU_TEST_DATABASE_URL"})


class Settings(ChannelSettings, GeoUpdateSettings, SmsSettings, GeocoderSettings, FeedSettings, ServiceSettings):
    """Every setting of the service, with a sentence each. Made by `load_settings`.

    docs/settings.md lists the groups from the last to the first, then what stands here.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=False)

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

    @field_validator("oidc_issuer")
    @classmethod
    def _encrypted(cls, value: str) -> str:
        if value and not value.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
            raise ValueError("must begin with https://")
        return value

    @property
    def oidc_configured(self) -> bool:
        return bool(self.oidc_issuer and self.oidc_client_id)

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
