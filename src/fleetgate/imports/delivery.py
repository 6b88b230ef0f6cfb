"""A file that a factory delivered: its manufacturer, its mode, and the ID of its import."""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self

from fleetgate.domain.manufacturer import is_manufacturer_name

# Stands for the manufacturer of a file that lies outside every manufacturer's folder; no manufacturer is called so.
NOBODY = "-"

_IMPORT_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{12}")
# The part of an import ID that tells the second.
_SECOND = len("20260131T080000Z")


class DeliveryMode(StrEnum):
    """Whether a file is imported or only previewed; the first folder of its key says so."""

    LIVE = "incoming"
    DRY_RUN = "dry-run"


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedFile:
    """A file as the drop box knows it.

    Attributes:
        version_id: Names this content for good, even if another file takes its key.
        stored_at: Aware UTC, to the second.
        presented_uploader: The uploader as the client names it, or None; AWS does not vouch for it.
        presented_options: The `ReadingOptions` as the client wrote them, or None.
    """

    bucket: str
    key: str
    version_id: str
    stored_at: datetime
    size_bytes: int
    presented_uploader: str | None = None
    presented_options: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One version of one file in a manufacturer's folder.

    Attributes:
        import_id: The same whenever this very file is announced; sorts by the time of its upload.
        manufacturer: From the folder, never from the file; NOBODY if the folder names no manufacturer.
        file_name: The name that people see.
        requester: The AWS account that stored it. source_ip_address: its address. Both as S3 says, or None.
    """

    import_id: str
    manufacturer: str
    file_name: str
    mode: DeliveryMode
    file: DroppedFile
    requester: str | None = None
    source_ip_address: str | None = None

    @classmethod
    def of(cls, file: DroppedFile, *, requester: str | None = None, source_ip_address: str | None = None) -> Self:
        """The delivery of a file with the key `<mode>/<manufacturer>/<file name>`."""
        mode, _, place = file.key.partition("/")
        manufacturer, _, file_name = place.partition("/")
        is_ours = is_manufacturer_name(manufacturer) and "/" in place
        return cls(
            import_id=import_id_of(file),
            manufacturer=manufacturer if is_ours else NOBODY,
            file_name=(file_name if is_ours else "") or file.key,
            mode=DeliveryMode(mode) if is_ours and mode in set(DeliveryMode) else DeliveryMode.DRY_RUN,
            file=file,
            requester=requester,
            source_ip_address=source_ip_address,
        )

    @property
    def presented_folder(self) -> str:
        """The second folder of the key, whatever it is called; empty if there is none."""
        _, _, place = self.file.key.partition("/")
        folder, _, _ = place.rpartition("/")
        return folder.partition("/")[0]

    @property
    def reports(self) -> str:
        """The folder of the import's reports, with the slash at its end."""
        return f"reports/{self.manufacturer}/{self.import_id}/"


def is_import_id(text: str) -> bool:
    """Whether a text has the form of an import ID."""
    return _IMPORT_ID.fullmatch(text) is not None


def import_id_of(file: DroppedFile) -> str:
    """The ID of a file's import: the second it was stored, and a digest of its bucket, key and version."""
    names = "\0".join((file.bucket, file.key, file.version_id)).encode()
    digest = hashlib.blake2b(names, digest_size=6).hexdigest()
    return f"{file.stored_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{digest}"


def is_later(import_id: str, than: str) -> bool:
    """Whether the file of one import was stored in a later second than that of another."""
    both = is_import_id(import_id) and is_import_id(than)
    return both and import_id[:_SECOND] > than[:_SECOND]
