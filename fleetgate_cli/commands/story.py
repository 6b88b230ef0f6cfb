"""`fleetgate device story`: who let a device in, from which list, with which claim, what then, and what is proven."""

from pathlib import Path

import click
from rich.console import Console

from fleetgate.archive.prove import Proof, Proofs, prove_story
from fleetgate.domain.audit import Question
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.trail.device_story import device_story
from fleetgate.trail.story_document import story_document
from fleetgate_cli.audit.archive import public_key_option, verifier_of
from fleetgate_cli.audit.proof_view import print_proofs, proofs_document
from fleetgate_cli.audit.signatures import TrustedKeys
from fleetgate_cli.audit.story_view import print_story
from fleetgate_cli.errors import ExitCode
from fleetgate_cli.options import with_run
from fleetgate_cli.parameters import SERIAL_NUMBER
from fleetgate_cli.run import Run, now


@click.command()
@click.argument("serial_number", metavar="SERIAL", type=SERIAL_NUMBER)
@click.option("--no-proof", is_flag=True, help="Do not check the records against the sealed archive.")
@public_key_option
@with_run
def story(run: Run, *, serial_number: SerialNumber, no_proof: bool, public_keys: tuple[Path, ...]) -> None:
    """Tell a device's whole story, and prove it.

    Who let it in, by which rule, from which list and line, with which claim certificate; what was seen of it then; why
    it was denied; what operators did; where it stands and what stops it. Every record of it is checked against the
    sealed archive. Exits with 1 when one of them cannot be proven, with 3 when that could not be checked. With
    --public-key and a key that you saved earlier it trusts nobody in the account.

    \b
    Examples:
      fleetgate device story SN-0001
      fleetgate device story SN-0001 --public-key sealing-key.pem --json
    """
    if no_proof and public_keys:
        raise click.UsageError("--public-key is for the proof: leave it or --no-proof out.")
    run.note(Question.READ_STORY, f"serial_number={serial_number}")
    moment = now()
    with run.progress(f"Gathering the story of {serial_number}"):
        told = device_story(serial_number, store=run.store, trail=run.trail, imports=run.import_records, now=moment)
    proofs: Proofs | None = None
    trusted: TrustedKeys | None = None
    if not no_proof:
        with run.progress(f"Checking {len(told.records):,} records against the archive"):
            verifier, trusted = verifier_of(run.target, public_keys)
            proofs = prove_story(told, verifier=verifier, now=moment)

    def render(console: Console) -> None:
        print_story(told, proofs, console, now=moment)
        print_proofs(proofs, console)

    run.emit({**story_document(told, now=moment), "proof": proofs_document(proofs, trusted)}, render)
    if proofs and proofs.count(Proof.NOT_PROVEN):
        click.get_current_context().exit(ExitCode.SAID_NO)
