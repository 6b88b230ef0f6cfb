"""Tools that know CloudFormation and SAM find nothing to say, with nobody to call."""

from pathlib import Path

from local.embedded.template import TEMPLATE
from tests.template.commands import CFN_LINT, OFFLINE, SAM, run


def test_cfn_lint_finds_nothing_not_even_information(tmp_path: Path) -> None:
    done = run(CFN_LINT, "--include-checks", "I", "--", TEMPLATE, folder=tmp_path, changes=OFFLINE)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_sam_finds_the_template_valid(tmp_path: Path) -> None:
    done = run(SAM, "validate", "--lint", "--template-file", TEMPLATE, folder=tmp_path, changes=OFFLINE)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "is a valid SAM Template" in done.stdout
