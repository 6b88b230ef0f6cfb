"""What the decision machine begins with: three approved devices, and claim certificates."""

from datetime import UTC, datetime, timedelta

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.claim import ClaimCertificate, ClaimStatus
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from harness.builders import TEMPLATE_ARN, TEMPLATE_NAME

START = datetime(2026, 3, 1, tzinfo=UTC)
UNKNOWN = "FG-9999"
WRONG_MAC_ADDRESS = MacAddress.parse("00:1b:44:99:99:99")

ENTRIES: tuple[AllowListEntry, ...] = (
    AllowListEntry(
        serial_number=SerialNumber.parse("FG-0001"),
        manufacturer="acme",
        mac_addresses=frozenset({MacAddress.parse("00:1b:44:00:00:01")}),
        attributes={"Model": "gateway-2", "SerialNumber": "forged", "DecisionId": "forged"},
    ),
    AllowListEntry(
        serial_number=SerialNumber.parse("FG-0002"),
        manufacturer="globex",
        mac_addresses=frozenset({MacAddress.parse("00:1b:44:00:00:02"), MacAddress.parse("00:1b:44:00:00:03")}),
        templates=frozenset({TEMPLATE_NAME}),
        valid_from=START + timedelta(minutes=1),
        valid_until=START + timedelta(days=1),
    ),
    AllowListEntry(
        serial_number=SerialNumber.parse("FG-0003"),
        manufacturer="acme",
        import_id="import-2",
        first_import_id="import-1",
    ),
)

CLAIMS: tuple[ClaimCertificate, ...] = (
    ClaimCertificate(certificate_id="claim-any", manufacturer=None),
    ClaimCertificate(certificate_id="claim-acme", manufacturer="acme"),
    ClaimCertificate(certificate_id="claim-globex", manufacturer="globex"),
    ClaimCertificate(certificate_id="claim-ending", manufacturer=None, expires_at=START + timedelta(days=2)),
    ClaimCertificate(certificate_id="claim-blocked", manufacturer=None, status=ClaimStatus.BLOCKED),
    ClaimCertificate(certificate_id="claim-elsewhere", manufacturer=None, templates=frozenset({"another"})),
    ClaimCertificate(
        certificate_id="claim-one-device", manufacturer="acme", serial_number=SerialNumber.parse("FG-0001")
    ),
)
TEMPLATE_ARNS = (TEMPLATE_ARN, TEMPLATE_ARN.replace(TEMPLATE_NAME, "another"))
UNREGISTERED = "claim-unregistered"
