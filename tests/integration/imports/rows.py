"""Rows of a factory list, and what became of them."""

import secrets
from collections.abc import Callable

from fleetgate.domain.allow_list import ApprovalTerms
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.imports.apply import RowResult
from fleetgate.imports.reading.factory_list import ImportRow, Operation
from harness.embedded import Embedded

Deliver = Callable[..., list[RowResult]]


def row(
    line_number: int,
    serial_number: str,
    *mac_addresses: str,
    operation: Operation = Operation.APPROVE,
    model: str = "thermostat-2",
) -> ImportRow:
    """A row that approves a device."""
    return ImportRow(
        line_number=line_number,
        operation=operation,
        serial_number=SerialNumber(serial_number),
        mac_addresses=frozenset(map(MacAddress.parse, mac_addresses)),
        terms=ApprovalTerms(attributes={"Model": model}),
    )


def fresh_mac() -> str:
    return MacAddress.parse(f"001b{secrets.token_hex(4)}").value


def classes(ended: list[RowResult]) -> list[str]:
    return [one.conflict.value if one.conflict else one.row_class.value for one in ended]


def owner(embedded: Embedded, mac_address: str) -> str | None:
    item = embedded.dynamodb.get_item(
        TableName=embedded.stack.outputs["AllowListTableName"],
        Key={"pk": {"S": f"mac#{mac_address}"}},
        ConsistentRead=True,
    ).get("Item")
    return None if item is None else str(item["serial_number"]["S"])
