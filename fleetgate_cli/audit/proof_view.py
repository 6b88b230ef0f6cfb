"""The proofs of a device's records, as people and programs read them."""

from typing import Any

from rich.console import Console

from fleetgate.archive.prove import Proof, Proofs
from fleetgate_cli.audit.archive import finding_document, place_of
from fleetgate_cli.audit.signatures import TrustedKeys
from fleetgate_cli.run import hint

_MAX_SHOWN = 20


def proofs_document(proofs: Proofs | None, trusted: TrustedKeys | None) -> dict[str, Any] | None:
    """The proof of each record, with digests and keys; None where no proof was asked for."""
    if proofs is None or trusted is None:
        return None
    return {
        **{proof.value: proofs.count(proof) for proof in Proof},
        "records": {record_id: proof.value for record_id, proof in sorted(proofs.by_record.items())},
        "digests": [{"key": digest.key, "sha256": digest.sha256} for digest in proofs.digests],
        "trusted_public_keys": list(trusted.fingerprints),
        "findings": [finding_document(found) for found in proofs.findings],
    }


def print_proofs(proofs: Proofs | None, console: Console) -> None:
    """How many records are proven, and why others are not."""
    console.print()
    console.print("Can I prove it?", style="bold")
    if proofs is None:
        console.print("  Nothing was checked.")
        return
    sealed, open_, doubtful = (proofs.count(proof) for proof in Proof)
    if sealed:
        digests = "1 signed digest" if len(proofs.digests) == 1 else f"{len(proofs.digests):,} signed digests"
        console.print(
            f"  {_records(sealed)} in the sealed archive as in the audit table, under {digests}.", style="green"
        )
    if open_:
        console.print(
            f"  {_records(open_)} not sealed yet: an hour is sealed some minutes after its end.", style="yellow"
        )
    if doubtful:
        console.print(f"  {_records(doubtful)} NOT PROVEN.", style="bold red")
    for found in proofs.findings[:_MAX_SHOWN]:
        console.print(f"  {found.hour:%Y-%m-%dT%H}  {found.kind.value}: {found.kind.meaning}")
        console.print(f"                 {place_of(found)}")
        if found.detail:
            console.print(f"                 {found.detail}")
    if len(proofs.findings) > _MAX_SHOWN:
        console.print(f"  ... and {len(proofs.findings) - _MAX_SHOWN:,} more: see --json")
    console.print(f"  To check that no record is missing, run {hint('audit verify')}.", style="dim")


def _records(number: int) -> str:
    return f"{number:,} record is" if number == 1 else f"{number:,} records are"
