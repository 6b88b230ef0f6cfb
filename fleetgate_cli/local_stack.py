"""The description of a running local stack in `.local/stack.json`."""

import os
import socket
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError

FOLDER_NAME = ".local"
FILE_NAME = "stack.json"
LOG_NAME = "embedded-aws.log"


class StackNotRunning(Exception):
    """No local stack runs here; the message says how to start one."""


class StackDescription(BaseModel):
    """How to reach a local stack.

    Attributes:
        endpoint_url: The endpoint of every service of the embedded AWS.
        region: AWS region name.
        mqtt_host: Where devices connect with mutual TLS.
        root_ca_path: PEM; the certificate that devices trust.
        claim_certificate_path: PEM; registered for any manufacturer.
        claim_client_id_prefix: How the client ID of a device with a claim certificate has to start.
        outputs: The outputs of the stack.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint_url: str
    region: str
    mqtt_host: str
    mqtt_port: int
    root_ca_path: Path
    claim_certificate_path: Path
    claim_private_key_path: Path
    claim_certificate_id: str
    claim_client_id_prefix: str
    outputs: dict[str, str]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The description of the stack that runs in a folder.

        Raises:
            StackNotRunning: No stack runs there, or a stack of another version.
        """
        path = folder / FOLDER_NAME / FILE_NAME
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise StackNotRunning(
                f"no local stack is running in {folder.resolve()}: start one with `make local`"
            ) from None
        except ValidationError as error:
            raise StackNotRunning(
                f"{path} was not written by this version of Fleetgate: start the stack anew with `make local`"
            ) from error

    @property
    def is_reachable(self) -> bool:
        """Whether something listens at the endpoint: a process that was killed leaves its `stack.json` behind."""
        address = urlsplit(self.endpoint_url)
        with socket.socket() as probe:
            probe.settimeout(5)
            return probe.connect_ex((address.hostname, address.port)) == 0

    def save(self, folder: Path) -> Path:
        """Write the description in one step: no reader sees a part of it.

        Returns:
            The file.
        """
        path = folder / FOLDER_NAME / FILE_NAME
        unfinished = path.with_suffix(".json.unfinished")
        unfinished.write_text(self.model_dump_json(indent=2) + "\n")
        os.replace(unfinished, path)  # noqa: PTH105 - the name says that an old file may be there
        return path
