"""Whose key it was: the fingerprint is wherever people look for a decision."""

import csv
from datetime import UTC, datetime
from pathlib import Path

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.gate.store import GateStore
from harness.api_world import ApiWorld
from harness.command import Fleetgate
from harness.embedded import Embedded
from tests.integration.conftest import Ask, Judge


def test_the_fingerprint_is_in_every_story_list_export_and_answer(
    approved: AllowListEntry,
    ask: Ask,
    judge: Judge,
    store: GateStore,
    fleetgate: Fleetgate,
    embedded: Embedded,
    tmp_path: Path,
) -> None:
    request, serial_number = ask(approved.serial_number.value), approved.serial_number.value
    judge(request, store)
    key = request.key_fingerprint or ""
    assert len(key) == 64

    assert key in fleetgate("device", "show", serial_number).stdout
    assert key in fleetgate("device", "story", serial_number, "--no-proof").stdout
    commands: tuple[tuple[str, ...], ...] = (("device", "show"), ("device", "story"), ("allow-list", "show"))
    for command in commands:
        more = ("--no-proof",) if command[1] == "story" else ()
        assert key in fleetgate(*command, serial_number, "--json", *more).stdout
    (listed,) = fleetgate("audit", "list", "--key", key, "--json").document["records"]
    assert (listed["serial_number"], listed["key_fingerprint"]) == (serial_number, key)
    target = tmp_path / "records.csv"
    fleetgate("audit", "export", "--key", key, "--output", str(target))
    with target.open(newline="", encoding="utf-8-sig") as lines:
        (exported,) = csv.DictReader(lines)
    assert exported["key_fingerprint"] == key
    today = datetime.now(UTC).strftime("%Y-%m-%dT00:00:00Z")
    answer = ApiWorld(embedded).get("/v1/records", **{"from": today}, key_fingerprint=key)
    assert [one["key_fingerprint"] for one in answer.json["records"]] == [key]
    assert key in ApiWorld(embedded).get(f"/v1/devices/{serial_number}/story").text
