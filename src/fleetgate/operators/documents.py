"""What became of certificates as a JSON document, the same by command and by API."""

from typing import Any

from fleetgate.operators.tally import FAILURES, CertificateResult, Handled, Tally


def certificates_document(tally: Tally | None) -> dict[str, Any] | None:
    """What became of the certificates; None where they were kept."""
    if tally is None:
        return None
    return {
        "complete": tally.is_complete,
        "results": {ending.value: number for ending, number in sorted(tally.endings.items()) if number},
        "not_done": [_handled_document(one) for one in tally.noteworthy if one.ending in FAILURES],
        "not_found": [_handled_document(one) for one in tally.noteworthy if one.ending is CertificateResult.NOT_FOUND],
        "sessions": {ended.value: number for ended, number in sorted(tally.sessions.items()) if number},
        "sessions_not_ended": [serial_number.value for serial_number in tally.sessions_not_ended],
    }


def meanwhile_document(tally: Tally) -> dict[str, Any]:
    """Who was let in while a stop was written, and what became of their certificates."""
    return {"let_in": tally.devices, **(certificates_document(tally) or {})}


def _handled_document(handled: Handled) -> dict[str, Any]:
    return {
        "certificate_id": handled.certificate_id,
        "serial_number": handled.serial_number and handled.serial_number.value,
        "result": handled.ending.value,
    }
