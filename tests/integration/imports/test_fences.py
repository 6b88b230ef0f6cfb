"""Manufacturers are fenced from each other: by their names, their profiles, and what a report tells."""

import pytest

from fleetgate.domain.faults import Fault
from fleetgate.imports.check import SafetyGates
from fleetgate.imports.record import ImportRecord, ImportStatus
from harness.embedded import Embedded
from harness.import_world import ImportWorld
from harness.world import mac


@pytest.fixture
def maker(imports: ImportWorld) -> str:
    """The registered manufacturer that delivers."""
    return imports.embedded.register_manufacturer(
        imports.manufacturer, serial_numbers=frozenset({f"{imports.manufacturer}-*"}), rows_per_day=3
    )


def run(imports: ImportWorld, content: str, **how: str) -> ImportRecord:
    """A list, imported by an importer that wants registered manufacturers."""
    return imports.importer(requires_registration=True).run(imports.deliver(content, **how))


def rejects(imports: ImportWorld, record: ImportRecord) -> str:
    """The rejects.csv of an import."""
    return imports.drop_box.open_report(f"{record.delivery.reports}rejects.csv").read().decode("utf-8-sig")


@pytest.mark.parametrize("mode", ["incoming", "dry-run"])
def test_a_list_in_the_name_of_nobody_known_is_refused_and_a_typing_error_is_pointed_out(
    mode: str, imports: ImportWorld, maker: str
) -> None:
    record = run(imports, f"sn,mac\n{maker}-1,{mac()}\n", mode=mode, manufacturer=f"{maker}x")
    assert record.status is ImportStatus.REFUSED
    assert record.problem
    assert record.problem.code == "unknown_manufacturer"
    assert f"It is {maker}x. Is the name right? Did you mean {maker}?" in record.problem.sentence
    assert imports.embedded.device_item(f"{maker}-1") is None


def test_a_folder_that_is_the_name_in_other_letters_is_pointed_out(imports: ImportWorld, maker: str) -> None:
    record = run(imports, f"sn,mac\n{maker}-1,{mac()}\n", manufacturer=maker.upper())
    assert record.problem
    assert record.problem.code == "no_manufacturer"
    assert f"Did you mean the folder {maker}?" in record.problem.sentence


def test_a_manufacturer_that_is_not_registered_has_no_limits_where_the_stack_does_not_want_it(
    imports: ImportWorld,
) -> None:
    nobody = f"{imports.manufacturer}-nobody"
    record = imports.importer().run(imports.deliver(f"sn,mac\n{nobody}-1,{mac()}\n", manufacturer=nobody))
    assert dict(record.findings.rows) == {"added": 1}


def test_nobody_lists_a_serial_number_of_anothers_range(imports: ImportWorld, maker: str) -> None:
    record = run(imports, f"sn,mac\n{maker}-1,{mac()}\nGLOBEX-{maker},{mac()}\n")
    assert dict(record.findings.errors) == {"serial_number_of_another_range": 1}
    assert imports.embedded.device_item(f"GLOBEX-{maker}") is None


def test_a_report_does_not_tell_whose_it_is_that_stands_in_the_way(imports: ImportWorld, maker: str) -> None:
    """Somebody lists a serial number, a MAC address and a key that other manufacturers have, and its own ones."""
    other, theirs, own, key = f"{maker}-other", mac(), mac(), maker.encode().hex().ljust(64, "0")[:64]
    heading = "sn,mac,Key Fingerprint"
    before = f"{heading}\n{maker}-1,{theirs},\n{maker}-2,{mac()},{key}\n"
    imports.importer().run(imports.deliver(before, manufacturer=other))
    imports.embedded.register_manufacturer(maker)
    imports.importer().run(imports.deliver(f"sn,mac\n{maker}-own,{own}\n"))

    lines = [f"{maker}-1,{mac()},", f"{maker}-3,{theirs},", f"{maker}-4,{mac()},{key}", f"{maker}-5,{own},"]
    content = "\n".join([heading, *lines])
    for mode in ("dry-run", "incoming"):
        record = run(imports, f"{content}\n", mode=mode)
        assert dict(record.findings.errors) == {"not_yours_to_list": 3, "mac_address_of_another_device": 1}
        told = rejects(imports, record)
        summary = imports.drop_box.open_report(f"{record.delivery.reports}summary.json").read().decode()
        assert other not in told
        assert other not in summary
        details = {line.split(",")[3] for line in told.splitlines() if "not_yours_to_list" in line}
        assert len(details) == 1


def test_dry_runs_count_as_rows_of_the_day_and_tell_nothing_beyond_them(imports: ImportWorld, maker: str) -> None:
    taken = f"{maker}-taken"
    imports.importer().run(imports.deliver(f"sn,mac\n{taken},{mac()}\n", manufacturer=f"{maker}-other"))

    first = run(imports, f"sn,mac\n{taken},{mac()}\n{maker}-1,{mac()}\n", mode="dry-run")
    assert dict(first.findings.rows) == {"conflict": 1, "added": 1}
    second = run(imports, f"sn,mac\n{taken},{mac()}\n{maker}-2,{mac()}\n", mode="dry-run", name="again.csv")
    assert second.problem
    assert (second.problem.code, second.status) == ("too_many_rows_today", ImportStatus.REFUSED)
    assert "The limit is 3." in second.problem.sentence
    assert not second.findings.rows
    with pytest.raises(Fault):
        rejects(imports, second)
    third = run(imports, f"sn,mac\n{maker}-3,{mac()}\n", name="one.csv")
    assert dict(third.findings.rows) == {"added": 1}


def test_a_dry_run_that_comes_again_counts_once(imports: ImportWorld, maker: str) -> None:
    delivery = imports.deliver(f"sn,mac\n{maker}-1,{mac()}\n{maker}-2,{mac()}\n", mode="dry-run")
    importer = imports.importer(requires_registration=True)
    assert [importer.run(delivery).status for _ in range(3)] == [ImportStatus.FINISHED] * 3
    assert run(imports, f"sn,mac\n{maker}-3,{mac()}\n").status is ImportStatus.FINISHED


def test_the_stacks_limit_is_the_most_that_a_profile_can_say(imports: ImportWorld, embedded: Embedded) -> None:
    embedded.register_manufacturer(imports.manufacturer, rows_per_day=100)
    gates = SafetyGates(max_rows_per_day=1, max_rejected_share=1.0)
    content = "".join(f"{imports.manufacturer}-{number},{mac()}\n" for number in range(2))
    record = imports.importer(gates=gates).run(imports.deliver(f"sn,mac\n{content}"))
    assert record.problem
    assert record.problem.code == "too_many_rows_today"
