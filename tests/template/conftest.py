"""The template as CloudFormation sees it."""

from typing import Any

import pytest

from local.embedded.template import load_template
from tests.template.intrinsics import Deployment


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    """template.yaml, with long-form functions."""
    return load_template()


@pytest.fixture(scope="session")
def defaults(template: dict[str, Any]) -> Deployment:
    """The template deployed with nothing but its defaults."""
    return Deployment(template)
