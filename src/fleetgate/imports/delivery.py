"""A file that a factory delivered: whose it is, what is meant to happen with it, and which import that is."""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self

# Stands for the manufacturer of a file that lies outside every manufacturer's folder.
NOBODY = "-"

_MANUFACTURER = re.compile(r"(?! )[^/\x00-\x1f\x7f]{1,128}(?<! )")
_IMPORT_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{12}")
# The part of an import ID that tells the second.
_SECOND = len("20260131T080000Z")


class DeliveryMode(StrEnum):
    """What is meant to happen with a file; the first folder of its place says so."""

    LIVE = "incoming"
    DRY_RUN = "dry-run"


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedFile:
    """A file as the drop box knows it.

    Attributes:
        version_id: Names this content for good, whatever is put in its place later.
        stored_at: Aware UTC, to the second.
        presented_uploader: Who says to have uploaded it, or None; AWS does not vouch for it.
    """

    bucket: str
    key: str
    version_id: str
    stored_at: datetime
    size_bytes: int
    presented_uploader: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One version of one file in a manufacturer's folder.

    Attributes:
        import_id: The same whenever this very file is announced; sorts by the time of its upload.
        manufacturer: From the place of delivery, never from the file. NOBODY where the place names none.
        file_name: What people know the file by.
        requester: The AWS account that stored it. source_ip_address: from where. Both as S3 says, None if it did not.
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
        """The delivery that a file is, told by its key, `<mode>/<manufacturer>/<file name>`."""
        mode, _, place = file.key.partition("/")
        manufacturer, _, file_name = place.partition("/")
        is_ours = is_manufacturer(manufacturer) and bool(file_name)
        return cls(
            import_id=import_id_of(file),
            manufacturer=manufacturer if is_ours else NOBODY,
            file_name=file_name if is_ours else file.key,
            mode=DeliveryMode(mode) if is_ours and mode in set(DeliveryMode) else DeliveryMode.DRY_RUN,
            file=file,
            requester=requester,
            source_ip_address=source_ip_address,
        )

    @property
    def reports(self) -> str:
        """Where the reports of the import go, with the slash at its end."""
        return f"reports/{self.manufacturer}/{self.import_id}/"


def is_manufacturer(name: str) -> bool:
    """Whether a manufacturer can be called so: a name can be a folder, and nobody is not somebody."""
    return _MANUFACTURER.fullmatch(name) is not None and name != NOBODY


def is_import_id(text: str) -> bool:
    """Whether a text looks like the ID of an import."""
    return _IMPORT_ID.fullmatch(text) is not None


def import_id_of(file: DroppedFile) -> str:
    """The ID of a file's import: the second it was stored, and a digest of what names it."""
    names = "\0".join((file.bucket, file.key, file.version_id)).encode()
    digest = hashlib.blake2b(names, digest_size=6).hexdigest()
    return f"{file.stored_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{digest}"


def is_later(import_id: str, than: str) -> bool:
    """Whether the file of one import was stored in a later second than that of another."""
    both = is_import_id(import_id) and is_import_id(than)
    return both and import_id[:_SECOND] > than[:_SECOND]
