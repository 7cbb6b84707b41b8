"""Settings of looking addresses up online and of newer area tables. Part of core.settings."""

from __future__ import annotations

import re
from typing import Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from core.settings_service import ServiceSettings

PUBLIC_NOMINATIM: Final = "nominatim.openstreetmap.org"


class GeocoderSettings(ServiceSettings):
    """The online geocoder, which is off unless one is named."""

    model_config = ConfigDict(defer_build=True)

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

    @field_validator("geocoder_url")
    @classmethod
    def _geocoder_address(cls, value: str) -> str:
        if value and not value.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
            raise ValueError("must begin with https:// (http:// only on this machine)")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _fair_use(self) -> Self:
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

    @property
    def geocoder_agent(self) -> str:
        """The User-Agent for the online geocoder."""
        return self.geocoder_user_agent or f"Daijobu ({self.contact})"


class GeoUpdateSettings(BaseModel):
    """Where `geo update` finds newer area tables."""

    model_config = ConfigDict(defer_build=True)

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
