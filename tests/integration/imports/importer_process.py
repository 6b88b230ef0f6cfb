"""The deployed importer's handler in a process of its own, that can be killed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from fleetgate.imports.announcement import Announcement
from fleetgate.imports.delivery import Delivery
from harness.import_world import ImportWorld
from local.environments import REPOSITORY


@contextmanager
def importer_process(
    imports: ImportWorld, delivery: Delivery, *, receives: int = 1
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that runs the handler on the announcement of a file.

    Args:
        receives: How often the message was received, this time included.
    """
    environment = {
        **imports.embedded.variables_of("ImportFunction"),
        **imports.embedded.aws_environment(),
        "DROP_BOX_NAME": imports.bucket,
        "PYTHONPATH": str(REPOSITORY / "src"),
        "PATH": os.defpath,
    }
    body = json.dumps(Announcement.of(delivery).document())
    message = {"body": body, "messageId": "1", "attributes": {"ApproximateReceiveCount": str(receives)}}
    event = {"Records": [message]}
    with subprocess.Popen(  # noqa: S603 - our own interpreter and our own code
        [sys.executable, "-c", _INVOKE, json.dumps(event)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


_INVOKE = """
import json, sys
from types import SimpleNamespace
from fleetgate.imports.importer import handler
handler(json.loads(sys.argv[1]), SimpleNamespace(
    function_name="import", memory_limit_in_mb=1769, invoked_function_arn="arn", aws_request_id="1",
    get_remaining_time_in_millis=lambda: 900_000))
"""
