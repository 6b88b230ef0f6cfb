"""A factory file from its bytes to the allow-list and back to the factory as rejects, against real tables."""

import io
import secrets
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from fleetgate.domain.factory_list import ImportPolicy
from fleetgate.domain.row_errors import FileError, UnreadableFile
from fleetgate.store.imports import ImportStore
from fleetgate.store.tables import TableCredentials, TableSettings
from fleetgate.workflows.import_file import Delivery, ImportSummary, SafetyGates, import_file
from fleetgate.workflows.write_rejects import RejectsFile
from tests.embedded import Embedded

Import = Callable[..., tuple[ImportSummary, str]]


@pytest.fixture
def run(embedded: Embedded) -> Import:
    """Imports a file of acme's; gives the summary and rejects.csv."""
    store = ImportStore(
        TableSettings(
            allow_list_table=embedded.stack.outputs["AllowListTableName"],
            audit_table=embedded.stack.outputs["AuditTableName"],
            region=embedded.stack.region,
            endpoint_url=embedded.stack.endpoint_url,
            credentials=TableCredentials(access_key_id="test", secret_access_key="test"),
        )
    )

    def run(text: str, *, import_id: str, gates: SafetyGates | None = None) -> tuple[ImportSummary, str]:
        rejects = io.StringIO(newline="")
        summary = import_file(
            lambda: io.BytesIO(text.encode()),
            delivery=Delivery(manufacturer="acme", import_id=import_id, file_name="list.csv"),
            policy=ImportPolicy(),
            gates=gates or SafetyGates(most_rejected_share=0.9),
            store=store,
            rejects=RejectsFile(rejects),
            now=lambda: datetime.now(UTC),
        )
        return summary, rejects.getvalue()

    return run


@pytest.fixture
def batch() -> str:
    """What the serial numbers of one test start with."""
    return f"FILE-{secrets.token_hex(4)}"


def mac() -> str:
    return f"00-1B-{secrets.token_hex(1)}-{secrets.token_hex(1)}-{secrets.token_hex(1)}-{secrets.token_hex(1)}"


def test_rejects_go_in_once_corrected_and_the_same_file_again_changes_nothing(
    run: Import, embedded: Embedded, batch: str
) -> None:
    shared = mac()
    text = (
        "S/N;WiFi MAC;Model\r\n"
        f"{batch}-1;{shared};gw-2\r\n"
        "\r\n"
        f"{batch} 2;{mac()};gw-2\r\n"
        f"{batch}-3;not a mac;gw-2\r\n"
        f"{batch}-1;{mac()};gw-2\r\n"
        f"{batch}-4;{shared};gw-2\r\n"
        f'"{batch}-5";{mac()};gw-2\r\n'
    )
    first, rejects = run(text, import_id="file-1")
    assert dict(first.rows) == {"added": 2, "rejected": 2, "conflict": 2}
    assert first.total == 6
    assert dict(first.errors) == {
        "serial_number_invalid": 1,
        "mac_address_invalid": 1,
        "duplicate_in_file": 1,
        "mac_address_of_another_device": 1,
    }
    assert rejects.splitlines()[0] == "rejected_line,rejected_column,rejected_error,rejected_detail,S/N,WiFi MAC,Model"
    assert [line.split(",")[0] for line in rejects.splitlines()[1:]] == ["4", "5", "6", "7"]

    again, rejects_again = run(text, import_id="file-1")
    assert (again.rows, rejects_again) == (first.rows, rejects)

    corrected = rejects.replace(f"{batch} 2", f"{batch}-2").replace("not a mac", mac()).replace(shared, mac())
    corrected = corrected.replace(f",{batch}-1,", f",{batch}-6,")
    second, nothing = run(corrected, import_id="file-2")
    assert dict(second.rows) == {"added": 4}
    assert len(nothing.splitlines()) == 1

    before = [embedded.entry(f"{batch}-{number}") for number in range(1, 7)]
    third, _ = run(corrected, import_id="file-3")
    assert dict(third.rows) == {"unchanged": 4}
    assert [embedded.entry(f"{batch}-{number}") for number in range(1, 7)] == before


@pytest.mark.parametrize(
    ("gates", "code"),
    [
        (SafetyGates(most_rejected_share=0.4), FileError.TOO_MANY_REJECTED),
        (SafetyGates(most_rejected_share=1.0, most_rows=1), FileError.TOO_MANY_ROWS),
    ],
)
def test_a_file_that_the_gates_refuse_leaves_nothing_behind(
    gates: SafetyGates, code: FileError, run: Import, embedded: Embedded, batch: str
) -> None:
    text = f"serial,mac\n{batch}-1,{mac()}\n{batch}-2,nonsense\n"
    with pytest.raises(UnreadableFile) as refused:
        run(text, import_id="file-1", gates=gates)

    assert refused.value.code is code
    item = embedded.dynamodb.get_item(
        TableName=embedded.stack.outputs["AllowListTableName"], Key={"pk": {"S": f"device#{batch}-1"}}
    )
    assert "Item" not in item


def test_a_file_without_rows_is_refused(run: Import) -> None:
    with pytest.raises(UnreadableFile) as refused:
        run("serial,mac\n\n", import_id="file-1")
    assert refused.value.code is FileError.NO_ROWS


def test_an_import_of_which_nothing_stands_is_no_success(run: Import, batch: str) -> None:
    summary, _ = run(f"serial,mac\n{batch},nonsense\n", import_id="file-1", gates=SafetyGates(most_rejected_share=1.0))
    assert not summary.is_success
