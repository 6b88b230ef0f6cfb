"""The identities that a list names, whatever becomes of its rows: more of them rather than fewer."""

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import BinaryIO, TypeVar

from fleetgate.domain.identifiers import InvalidIdentifier, MacAddress, SerialNumber
from fleetgate.imports.content import options_of, readable
from fleetgate.imports.delivery import Delivery
from fleetgate.imports.reading.factory_file import read_rows
from fleetgate.imports.reading.factory_list import ImportPolicy
from fleetgate.imports.reading.validate import validate_rows

# The rows are read, not judged: what keeps a row out today may have let it in when it was imported.
_ANY_ROW = ImportPolicy(require_mac=False, allow_locally_administered_mac=True)
_WORDS = re.compile(r"[^\s,;|\"'{}\[\]]+")
_Identity = TypeVar("_Identity")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Identities:
    """Serial numbers, MAC addresses and public key fingerprints."""

    serial_numbers: set[SerialNumber] = field(default_factory=set)
    mac_addresses: set[MacAddress] = field(default_factory=set)
    key_fingerprints: set[str] = field(default_factory=set)


def identities_in(open_file: Callable[[], BinaryIO], delivery: Delivery) -> Identities:
    """All that the rows of a list name. Of a row that would be rejected today, whatever in it may be an identity.

    Args:
        open_file: Opens the delivered bytes.

    Raises:
        UnreadableFile: It is no list, as it is read today.
        Fault: It could not be read to its end.
    """
    found = Identities()
    name, options = delivery.file_name, options_of(delivery)
    content = readable(open_file(), open_file, file_name=name, options=options)
    for batch in validate_rows(read_rows(content.first, name=name, mapped=options.columns), _ANY_ROW):
        for row in batch.rows:
            found.serial_numbers.add(row.serial_number)
            found.mac_addresses.update(row.mac_addresses)
            if row.terms.key_fingerprint:
                found.key_fingerprints.add(row.terms.key_fingerprint)
        for rejected in batch.rejected:
            _guess(rejected.raw, found)
    return found


def _guess(cells: Iterable[str], found: Identities) -> None:
    for text in {part for cell in cells for part in (cell.strip(), *_WORDS.findall(cell))}:
        _add(text, SerialNumber.parse, found.serial_numbers)
        _add(text, MacAddress.parse, found.mac_addresses)
        if _FINGERPRINT.fullmatch(text.lower()):
            found.key_fingerprints.add(text.lower())


def _add(text: str, parse: Callable[[str], _Identity], found: set[_Identity]) -> None:
    with suppress(InvalidIdentifier):
        found.add(parse(text))
