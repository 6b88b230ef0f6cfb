"""What became of certificates as a JSON document, the same by command and by API."""

from typing import Any

from fleetgate.operators.certificates import FAILURES, CertificateResult, Handled, Tally


def certificates_document(tally: Tally | None) -> dict[str, Any] | None:
    """What became of the certificates; None where they were kept."""
    if tally is None:
        return None
    return {
        "complete": tally.is_complete,
        "results": {ending.value: number for ending, number in sorted(tally.endings.items()) if number},
        "not_done": [_handled_document(one) for one in tally.noteworthy if one.ending in FAILURES],
        "not_found": [_handled_document(one) for one in tally.noteworthy if one.ending is CertificateResult.NOT_FOUND],
    }


def _handled_document(handled: Handled) -> dict[str, Any]:
    return {
        "certificate_id": handled.certificate_id,
        "serial_number": handled.serial_number and handled.serial_number.value,
        "result": handled.ending.value,
    }
