"""What headings mean."""

import pytest

from fleetgate.imports.reading.columns import Meaning, column_of, columns_of, is_reserved
from fleetgate.imports.reading.errors import FileError, UnreadableFile


@pytest.mark.parametrize(
    ("heading", "meaning"),
    [
        *(
            (name, Meaning.SERIAL_NUMBER)
            for name in ("Serial Number", "S/N", "SN", "serial", "serial_no", "SERIAL-NR.")
        ),
        *((name, Meaning.SERIAL_NUMBER) for name in ("Seriennummer", "  serialNumber ", "Device Serial")),
        *(
            (name, Meaning.MAC_ADDRESS)
            for name in ("MAC", "MAC Address", "mac_addr", "WiFi MAC", "Wi-Fi MAC", "BT MAC")
        ),
        *((name, Meaning.MAC_ADDRESS) for name in ("Ethernet MAC", "MAC1", "MAC Address 2", "eth0 MAC", "MAC (WLAN)")),
        *((name, Meaning.OPERATION) for name in ("Operation", "ACTION")),
        *((name, Meaning.VALID_FROM) for name in ("Valid From", "valid_from")),
        *((name, Meaning.VALID_UNTIL) for name in ("Valid Until", "Expiry", "expires")),
        *((name, Meaning.TEMPLATES) for name in ("Template", "Template(s)", "templates")),
        *(
            (name, Meaning.KEY_FINGERPRINT)
            for name in ("Public Key", "PublicKey", "public_key_pem", "Public Key (DER)", "PubKey", "SPKI", "CSR")
        ),
        *(
            (name, Meaning.KEY_FINGERPRINT)
            for name in ("certificateSigningRequest", "PKCS#10", "Key Fingerprint", "SPKI SHA-256", "publicKeySha256")
        ),
        *(
            (name, Meaning.KEY_FINGERPRINT)
            for name in (
                "certificatePem",
                "Device Certificate",
                "device_cert",
                "clientCertificate",
                "Certificate (PEM)",
            )
        ),
        *((name, Meaning.REPORT) for name in ("rejected_line", "Rejected Error", "rejected_detail", "rejected_column")),
        *(
            (name, Meaning.UNKNOWN)
            for name in (
                "machine",
                "macro",
                "serial port",
                "key",
                "Private Key",
                "Certificate",
                "Colour",
                "",
                "Emaciated",
            )
        ),
    ],
)
def test_a_heading_is_known_in_any_case_and_spelling(heading: str, meaning: Meaning) -> None:
    assert column_of(heading, 1).meaning is meaning


@pytest.mark.parametrize(
    ("heading", "attribute"),
    [
        ("Model", "Model"),
        ("HW Rev", "HardwareRevision"),
        ("Hardware Revision", "HardwareRevision"),
        ("Group", "ThingGroup"),
        ("Thing Group", "ThingGroup"),
        ("Firmware Version", "Firmware_Version"),
        ("Größe (cm)", "Gr_e_cm"),
        ("色", "column_7"),
        ("x" * 300, "x" * 100),
    ],
)
def test_an_attributes_name_is_the_templates_own_or_a_safe_one(heading: str, attribute: str) -> None:
    assert column_of(heading, 7).attribute == attribute


def test_unknown_columns_never_share_an_attribute() -> None:
    columns = columns_of(["SN", "Remark", "Remark", "Remark!"])
    assert [column.attribute for column in columns] == ["", "Remark", "Remark_3", "Remark_4"]


@pytest.mark.parametrize(
    "headings", [["SN", "Serial"], ["SN", "Group", "Thing Group"], ["SN", "Expiry", "Valid Until"]]
)
def test_two_columns_of_one_meaning_refuse_the_file_and_are_named(headings: list[str]) -> None:
    with pytest.raises(UnreadableFile) as caught:
        columns_of(headings)
    assert caught.value.code is FileError.COLUMN_AMBIGUOUS
    assert all(repr(heading) in str(caught.value) for heading in headings[-2:])


def test_a_file_without_serial_numbers_is_refused_with_what_was_seen_and_expected() -> None:
    with pytest.raises(UnreadableFile, match=r"'Colour', 'MAC'.*Serial Number") as caught:
        columns_of(["Colour", "MAC"])
    assert caught.value.code is FileError.SERIAL_NUMBER_COLUMN_MISSING


@pytest.mark.parametrize("name", ["SerialNumber", "MacAddress", "ThingName", "DecisionId", "thing name", "DECISION_ID"])
def test_what_the_gate_says_itself_is_reserved_in_any_spelling(name: str) -> None:
    assert is_reserved(name)
