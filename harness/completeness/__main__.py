"""Ask 4,000 times on a stack of its own, kill, throttle, archive, repeat and seal; then see what is on record.

    python -m harness.completeness [SEED]

A seed makes the same load and the same choice of faults again; which request meets which is up to the machine. The exit
status is 1 if something is lost or duplicated, or if a fault did not happen.
"""

import secrets
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.archive_world import ArchiveWorld
from harness.completeness.run import Run
from harness.embedded import Embedded
from harness.gate_world import PARAMETERS, GateWorld
from local.embedded.stack import running_stack
from local.progress import step

_HOURS = 4
_DECISIONS_AN_HOUR = 1_000

# What has to happen for the run to mean anything, with what it is called.
_FAULTS = {
    "asker killed": "hooks killed in mid-decision",
    "archiver killed": "archivers killed in mid-batch",
    "sealer killed": "sealers killed in mid-hour",
    "hook throttled": "calls of the hook throttled",
    "answer to the hook lost": "answers to the hook lost",
    "archiver throttled": "calls of the archiver throttled",
    "read_refused": "reads of the stream throttled",
    "in_part": "batches archived in part",
    "read_again": "reads of the stream repeated",
    "delivered again": "records delivered again",
    "late": "records sealed late",
}


class DeployedArchive(ArchiveWorld):
    """The stack's own archive and key, which the functions use under their own roles."""

    @classmethod
    def of(cls, embedded: Embedded) -> "DeployedArchive":
        """The archive of a stack, archived and sealed by nobody else from now on."""
        outputs, functions = embedded.stack.outputs, embedded.client("lambda")
        # The embedded AWS's own event source mapping loses what fails.
        found = functions.list_event_source_mappings(FunctionName=embedded.resource("ArchiverFunction"))
        for mapping in found["EventSourceMappings"]:
            functions.delete_event_source_mapping(UUID=mapping["UUID"])
        return cls(embedded, outputs["ArchiveName"], outputs["SealingKeyArn"])

    def environment_of(self, function: str) -> dict[str, str]:
        """What a deployed function is told, with its role's credentials."""
        return self.embedded.environment_of(function)


def main(seed: str) -> int:
    """Run, and print what happened and what was found."""
    with TemporaryDirectory() as folder, running_stack(Path(folder), parameters=PARAMETERS) as stack:
        embedded = Embedded(stack)
        run = Run(GateWorld.of(embedded), DeployedArchive.of(embedded), seed)
        with step("asking, killing and archiving"):
            run.through(_HOURS, decisions_an_hour=_DECISIONS_AN_HOUR)
        digests = [run.archive.digest(hour) for hour in range(_HOURS + 1)]
        sealed = sum(digest.record_count for digest in digests)
        happened = {
            **run.happened,
            "late": sum(one.record_count for digest in digests for one in digest.late),
            "delivered again": sum(one.record_count for digest in digests for one in digest.sources) - sealed,
        }
        verified = run.archive.verified(0, _HOURS + 1)
        found = {**asdict(run.found()), "findings of the verification": tuple(map(str, verified.findings))}
    sys.stdout.write(f"seed {seed}: {len(run.told)} decisions, {sealed} records sealed\n")
    for name, what in _FAULTS.items():
        sys.stdout.write(f"{happened.get(name, 0):6} {what}\n")
    for name, those in found.items():
        sys.stdout.write(f"{len(those):6} {name.replace('_', ' ')} {' '.join(those[:3])}\n")
    return int(any(found.values()) or not all(happened.get(name) for name in _FAULTS))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if sys.argv[1:] else secrets.token_hex(4)))
