"""A whole local stack, from nothing to a claim certificate that devices can start from, and back to nothing."""

import fcntl
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from fleetgate_cli.local_session import REGION, root_session
from fleetgate_cli.local_stack import FOLDER_NAME, LOG_NAME, StackDescription
from local.embedded.aws import embedded_aws
from local.embedded.build import build_package
from local.embedded.claims import create_claim_certificate, write_private
from local.embedded.deploy import deploy
from local.embedded.template import load_template
from local.embedded.warm_up import warm_up
from local.progress import step


class StackAlreadyRunning(Exception):
    """Another process runs a local stack in this folder."""


@contextmanager
def running_stack(folder: Path, *, parameters: Mapping[str, str] | None = None) -> Iterator[StackDescription]:
    """Build, start the embedded AWS, deploy template.yaml to it and make a claim certificate; undo it all at the end.

    Stacks in different folders do not know of each other; they share the built functions.

    Args:
        folder: `.local/` is made in it. While the stack runs that holds `stack.json` and `certificates/`; the log of
            the embedded AWS stays.
        parameters: Of the template; its defaults hold for the others.

    Raises:
        StackAlreadyRunning: One runs in this folder.
        BuildFailed, PortTaken, NotStarted, DeployFailed: With a message that says what to do.
    """
    files = folder.resolve() / FOLDER_NAME
    files.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as undo:
        _hold_folder(files, undo)
        template = load_template()
        with step("building the functions"):
            package = build_package()
        with step("starting the embedded AWS"):
            aws = undo.enter_context(embedded_aws(files / LOG_NAME))
        session = root_session()
        with step("deploying template.yaml"):
            outputs = deploy(session, aws.endpoint_url, template, package, parameters or {})
        with step("warming up the hook"):
            warm_up(session, aws.endpoint_url, outputs["HookFunctionName"])
        with step("creating a claim certificate"):
            certificates = _fresh_folder(files / "certificates", undo)
            root_ca = certificates / "root-ca.pem"
            write_private(root_ca, aws.root_ca_pem)
            claim = create_claim_certificate(session, aws.endpoint_url, outputs, certificates)
        description = StackDescription(
            endpoint_url=aws.endpoint_url,
            region=REGION,
            mqtt_host=aws.mqtt_host,
            mqtt_port=aws.mqtt_port,
            root_ca_path=root_ca,
            claim_certificate_path=claim.certificate_path,
            claim_private_key_path=claim.private_key_path,
            claim_certificate_id=claim.certificate_id,
            claim_client_id_prefix=outputs["ClaimClientIdPrefix"],
            outputs=outputs,
        )
        undo.callback(description.save(folder).unlink, missing_ok=True)
        yield description


def _fresh_folder(path: Path, undo: ExitStack) -> Path:
    """An empty folder for private keys, gone at the end; a process that was killed may have left one."""
    shutil.rmtree(path, ignore_errors=True)
    undo.callback(shutil.rmtree, path, ignore_errors=True)
    path.mkdir(mode=0o700)
    return path


def _hold_folder(files: Path, undo: ExitStack) -> None:
    """Hold the folder until the end; the operating system lets go of it if this process is killed."""
    lock = undo.enter_context((files / ".lock").open("w"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StackAlreadyRunning(f"a local stack is running in {files.parent} already") from None
