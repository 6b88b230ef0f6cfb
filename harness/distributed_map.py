"""Runs the state machine of template.yaml as AWS documents it, where the embedded AWS does not: batches and results.

ministack 1.5.33 ignores ItemBatcher and ResultWriter. This reads the real definition, makes the batches it asks for,
has the deployed function apply each, and writes the results where and as a ResultWriter with COMPACT and JSONL would.
Retries, concurrency and the Catch are the embedded AWS's own, and tested there.

Source: AWS Step Functions developer guide, "ItemBatcher (Map)" and "ResultWriter (Map)".
"""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.embedded import Embedded
from local.embedded.template import load_template

# Step Functions, "Quotas": input and output of a state or an execution.
MAX_PAYLOAD_BYTES = 262_144


@dataclass
class DistributedMap:
    """One execution.

    Attributes:
        given: The input of the execution.
        fails: Whether a batch, by its number, fails for good.
        batch_sizes: Of the batches that were made.
    """

    embedded: Embedded
    given: Mapping[str, Any]
    fails: Callable[[int], bool] = lambda _number: False
    batch_sizes: list[int] = field(default_factory=list)

    @property
    def definition(self) -> Mapping[str, Any]:
        """The states of the definition."""
        states: Mapping[str, Any] = load_template()["Resources"]["ImportStateMachine"]["Properties"]["Definition"][
            "States"
        ]
        return states

    def run(self) -> Mapping[str, Any]:
        """Apply every batch, then merge; what the merge says."""
        answers = []
        for number, batch in enumerate(self.batches()):
            self.batch_sizes.append(len(batch["Items"]))
            if not self.fails(number):
                answers.append(self.invoke({"step": "apply", "batch": batch}))
        map_result = self._written(answers)
        merged: Mapping[str, Any] = self.invoke(
            {"step": "merge", "import_id": self.given["import_id"], "map": map_result}
        )
        return merged

    def batches(self) -> Iterator[Mapping[str, Any]]:
        """The batches as the ItemBatcher of the definition makes them, of items as its ItemSelector makes them."""
        batcher = self.definition["ApplyRows"]["ItemBatcher"]
        batch: list[Any] = []
        for item in self._items():
            wider = [*batch, item]
            too_long = len(json.dumps({"Items": wider}).encode()) > batcher["MaxInputBytesPerBatch"]
            if batch and (too_long or len(wider) > batcher["MaxItemsPerBatch"]):
                yield {"Items": batch}
                wider = [item]
            batch = wider
        if batch:
            yield {"Items": batch}

    def invoke(self, payload: Mapping[str, Any]) -> Any:
        """Have the deployed function do a step."""
        content = json.dumps(payload).encode()
        assert len(content) <= MAX_PAYLOAD_BYTES
        answer = self.embedded.client("lambda").invoke(
            FunctionName=self.embedded.resource("ImportStepFunction"), Payload=content
        )
        said = answer["Payload"].read()
        assert "FunctionError" not in answer, said
        assert len(said) <= MAX_PAYLOAD_BYTES
        return json.loads(said)

    def _items(self) -> Iterator[Mapping[str, Any]]:
        selector = self.definition["ApplyRows"]["ItemSelector"]
        lines = self.embedded.client("s3").get_object(Bucket=self.given["bucket"], Key=self.given["rows"])["Body"]
        for line in lines.iter_lines():
            yield {name.removesuffix(".$"): self._selected(path, json.loads(line)) for name, path in selector.items()}

    def _selected(self, path: str, row: Any) -> Any:
        return row if path == "$$.Map.Item.Value" else self.given[path.removeprefix("$.")]

    def _written(self, answers: Sequence[Any]) -> Mapping[str, Any]:
        bucket, s3 = self.given["bucket"], self.embedded.client("s3")
        folder = f"{self.given['results']}/{secrets.token_hex(8)}"
        half = len(answers) // 2
        files = []
        for number, some in enumerate((answers[:half], answers[half:])):
            content = "".join(json.dumps(answer) + "\n" for answer in some).encode()
            key = f"{folder}/SUCCEEDED_{number}.jsonl"
            s3.put_object(Bucket=bucket, Key=key, Body=content)
            files.append({"Key": key, "Size": len(content)})
        manifest = {"DestinationBucket": bucket, "ResultFiles": {"FAILED": [], "PENDING": [], "SUCCEEDED": files}}
        s3.put_object(Bucket=bucket, Key=f"{folder}/manifest.json", Body=json.dumps(manifest).encode())
        return {"MapRunArn": "arn", "ResultWriterDetails": {"Bucket": bucket, "Key": f"{folder}/manifest.json"}}
