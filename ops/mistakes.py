"""Every exception whose message is one sentence for the person at the terminal: their next step, no stack trace."""

from __future__ import annotations

from alerts.rules import RuleError
from core.crypto import CryptoError
from core.db import DatabaseError
from core.po import WordingError
from core.postgres_files import PostgresError
from core.settings import SettingsError
from core.signing import SigningError
from geo.importers.archive import ArchiveError
from geo.importers.features import FeatureFileError
from geo.importers.gsi_shelters import ShelterFileError
from geo.tables import AreaDataError
from geo.towns_source import TownsFileError
from geo.zone_import import NotZones
from ops.audit_commands import AuditCommandError
from ops.fetch_file import FetchError
from ops.keys_store import AlreadyRotating
from ops.purge import PurgeRefused
from ops.recordings_command import NoSuchLanguage
from ops.recover_command import RecoverError
from registry.import_command import ImportRefused

#: A wrong setting, key, rule, word file, table, upload, or a database that cannot be used.
MISTAKES: tuple[type[Exception], ...] = (
    SettingsError,
    CryptoError,
    SigningError,
    NoSuchLanguage,
    AuditCommandError,
    AlreadyRotating,
    PurgeRefused,
    RecoverError,
    DatabaseError,
    PostgresError,
    RuleError,
    WordingError,
    AreaDataError,
    ArchiveError,
    FeatureFileError,
    NotZones,
    ImportRefused,
    FetchError,
    ShelterFileError,
    TownsFileError,
)
