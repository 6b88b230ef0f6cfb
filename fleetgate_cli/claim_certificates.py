"""Claim certificates in AWS IoT, and the two files that a factory gets."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fleetgate_cli.errors import CouldNotCheck, Refused

if TYPE_CHECKING:
    from fleetgate.store.allow_list import AllowList

CERTIFICATE_FILE_NAME = "claim-certificate.pem"
PRIVATE_KEY_FILE_NAME = "claim-private-key.pem"
_CERTIFICATE_ID_DIGITS = 64
# Of those with the same first digits.
_MAX_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimPaths:
    """Where a claim certificate and its private key are written."""

    certificate_path: Path
    private_key_path: Path

    @classmethod
    def planned_in(cls, folder: Path) -> "ClaimPaths":
        """The files that will be written into a folder, which is made if it is missing.

        Raises:
            click.UsageError: One of them exists already and is not overwritten; or the folder cannot be created.
        """
        files = cls(
            certificate_path=folder / CERTIFICATE_FILE_NAME,
            private_key_path=folder / PRIVATE_KEY_FILE_NAME,
        )
        for path in (files.certificate_path, files.private_key_path):
            if path.exists() or path.is_symlink():
                raise click.UsageError(f"{path} exists already and is not overwritten: give another folder with --out.")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise click.UsageError(f"{folder} cannot be created: {error.strerror}.") from error
        return files


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedClaim:
    """A claim certificate that AWS IoT issued and activated, and whose key is in its file."""

    certificate_id: str
    files: ClaimPaths


@contextmanager
def issued_claim(iot: Any, *, policy_name: str, files: ClaimPaths) -> Iterator[IssuedClaim]:
    """Issue an active claim certificate with its policy and write its files.

    If anything fails here or in the block inside, the certificate is deactivated again and its files are removed, so
    that nobody holds a claim certificate that the gate does not know.

    Args:
        iot: A boto3 client of AWS IoT.

    Raises:
        CouldNotCheck: Its cause is the failure; the message also names the state of the certificate.
    """
    created = iot.create_keys_and_certificate(setAsActive=True)
    certificate_id: str = created["certificateId"]
    written: list[Path] = []
    try:
        written.append(_write_new(files.private_key_path, created["keyPair"]["PrivateKey"], mode=0o600))
        written.append(_write_new(files.certificate_path, created["certificatePem"], mode=0o644))
        iot.attach_policy(policyName=policy_name, target=created["certificateArn"])
        yield IssuedClaim(certificate_id=certificate_id, files=files)
    except BaseException as error:
        state = _withdraw(iot, certificate_id)
        for path in written:
            path.unlink(missing_ok=True)
        raise CouldNotCheck("claim_not_registered", f"the claim could not be set up ({error!s}). {state}") from error


def deactivate(iot: Any, certificate_id: str) -> None:
    """Have AWS IoT refuse a certificate from its next connection on."""
    iot.update_certificate(certificateId=certificate_id, newStatus="INACTIVE")


def activate(iot: Any, certificate_id: str) -> None:
    """Have AWS IoT accept a certificate again."""
    iot.update_certificate(certificateId=certificate_id, newStatus="ACTIVE")


def standing_in_aws_iot(iot: Any, certificate_id: str) -> list[str]:
    """What an operator should know of a certificate in AWS IoT before it is registered, in sentences.

    Raises:
        Refusal: AWS IoT has no such certificate.
    """
    from fleetgate.operators.claims import not_in_aws_iot
    from fleetgate.store.certificates import CertificateOutOfReach, Certificates, CertificateStatus, Obstacle

    try:
        status = Certificates(iot).status(certificate_id)
    except CertificateOutOfReach as out_of_reach:
        if out_of_reach.obstacle is Obstacle.NOT_FOUND:
            raise not_in_aws_iot(certificate_id) from out_of_reach
        return [f"could not check that AWS IoT has this certificate: {out_of_reach.__cause__}"]
    if status is CertificateStatus.ACTIVE:
        return []
    return [f"AWS IoT says that the certificate is {status.value}: no device can connect with it."]


def whole_certificate_id(start: str, allow_list: "AllowList") -> str | None:
    """The ID of the registered claim certificate with these first digits, or None; a whole ID is returned as it is.

    Raises:
        Refused: Several have these first digits.
    """
    if len(start) == _CERTIFICATE_ID_DIGITS:
        return start
    found = allow_list.claims(limit=_MAX_NAMED, starting_with=start)
    if len(found.items) > 1:
        more = " and more" if found.more else ""
        candidates = ", ".join(one.certificate_id for one in found.items)
        raise Refused(
            "ambiguous",
            f"several claim certificates start with {start}: give more digits. They are {candidates}{more}.",
        )
    return found.items[0].certificate_id if found.items else None


def _withdraw(iot: Any, certificate_id: str) -> str:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        deactivate(iot, certificate_id)
    except (ClientError, BotoCoreError) as error:
        return (
            f"Its certificate {certificate_id} is STILL ACTIVE ({error}), but its private key was deleted: "
            "deactivate it in AWS IoT."
        )
    return f"Its certificate {certificate_id} was deactivated again and its files removed; try once more."


def _write_new(path: Path, text: str, *, mode: int) -> Path:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="ascii") as file:
        try:
            file.write(text)
            file.flush()
        except OSError:
            path.unlink()
            raise
    return path
