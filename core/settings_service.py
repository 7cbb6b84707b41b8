"""Settings of the service itself: website, database, keys, region. Part of core.settings."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator


class ServiceSettings(BaseModel):
    """The website, the database, the keys, and whom this installation serves."""

    model_config = ConfigDict(defer_build=True)

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

    @field_validator("public_url")
    @classmethod
    def _public_address(cls, value: str) -> str:
        return value.rstrip("/")

    @field_validator("region")
    @classmethod
    def _prefectures(cls, value: str) -> str:
        codes = [part.strip() for part in value.split(",") if part.strip()]
        if not codes or any(len(c) != 2 or not c.isdigit() or not 1 <= int(c) <= 47 for c in codes):
            raise ValueError("must be two-digit prefecture codes between 01 and 47, e.g. 43 or 43,40")
        return ",".join(codes)

    @property
    def prefectures(self) -> tuple[str, ...]:
        """The region as codes, e.g. ("43",)."""
        return tuple(self.region.split(","))

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
