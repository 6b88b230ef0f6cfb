"""Makes the claim certificate that devices of a local stack start from, and registers it with the gate."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import boto3

from fleetgate.domain.claim import ClaimCertificate
from fleetgate.store.allow_list_items import claim_item_from
from fleetgate_cli.local_session import CLIENT_OPTIONS


@dataclass(frozen=True, slots=True)
class ClaimFiles:
    """Where a claim certificate and its private key lie, PEM, readable by their owner only."""

    certificate_id: str
    certificate_path: Path
    private_key_path: Path


def create_claim_certificate(
    session: boto3.Session, endpoint_url: str, outputs: Mapping[str, str], folder: Path
) -> ClaimFiles:
    """Create an active claim certificate, attach the claim policy and register it for any manufacturer.

    Args:
        outputs: Of the stack.
        folder: Gets the two files.
    """
    iot = session.client("iot", endpoint_url=endpoint_url, config=CLIENT_OPTIONS)
    created = iot.create_keys_and_certificate(setAsActive=True)
    iot.attach_policy(policyName=outputs["ClaimPolicyName"], target=created["certificateArn"])

    claim = ClaimCertificate(certificate_id=created["certificateId"], manufacturer=None)
    # Not by the model's own save(): PynamoDB binds models to one stack a process, and here there may be several.
    session.client("dynamodb", endpoint_url=endpoint_url, config=CLIENT_OPTIONS).put_item(
        TableName=outputs["AllowListTableName"], Item=claim_item_from(claim, now=datetime.now(UTC)).serialize()
    )
    files = ClaimFiles(
        certificate_id=claim.certificate_id,
        certificate_path=folder / "claim-certificate.pem",
        private_key_path=folder / "claim-private-key.pem",
    )
    write_private(files.certificate_path, created["certificatePem"])
    write_private(files.private_key_path, created["keyPair"]["PrivateKey"])
    return files


def write_private(path: Path, text: str) -> None:
    """Write a file that nobody but its owner can read at any moment."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
