"""Applies one batch of a long file's rows, as the Distributed Map hands them out."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.imports.apply import apply_rows
from fleetgate.imports.reading.factory_list import ImportRow, Operation
from fleetgate.imports.store.rows import ImportStore


def apply_batch(
    documents: Sequence[Mapping[str, Any]],
    *,
    manufacturer: str,
    import_id: str,
    store: ImportStore,
    now: Callable[[], datetime],
) -> dict[str, Any]:
    """Give the rows of one batch their effect. Safe to repeat.

    Args:
        documents: As `distribute_rows.row_document` makes them.

    Returns:
        `rows`: how many ended in which class; `conflicts`: line, code and the row as delivered, of each.

    Raises:
        Fault: The tables could not be asked; repeat it later.
    """
    rows = [_row(document) for document in documents]
    ended = apply_rows(rows, manufacturer=manufacturer, import_id=import_id, store=store, now=now)
    return {
        "rows": Counter(one.row_class.value for one in ended),
        "conflicts": [
            {"line": one.row.line_number, "code": one.conflict.value, "delivered": document["delivered"]}
            for one, document in zip(ended, documents, strict=True)
            if one.conflict
        ],
    }


def _row(document: Mapping[str, Any]) -> ImportRow:
    return ImportRow(
        line_number=document["line"],
        operation=Operation(document["operation"]),
        serial_number=SerialNumber(document["serial_number"]),
        mac_addresses=frozenset(map(MacAddress, document["mac_addresses"])),
        valid_from=_moment(document["valid_from"]),
        valid_until=_moment(document["valid_until"]),
        templates=frozenset(document["templates"]),
        attributes=document["attributes"],
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
