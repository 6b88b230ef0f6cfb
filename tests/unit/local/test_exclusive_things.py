"""The extension of the embedded AWS that holds exclusive attachments: it fails where ministack has changed."""

from types import SimpleNamespace

import pytest

from local.embedded.exclusive_things import MinistackChanged, install


def changed() -> None:
    """Stands for a function of another version of ministack."""


def test_an_extension_that_no_longer_fits_is_an_error_that_names_the_function() -> None:
    other = SimpleNamespace(
        _provisioning_plan=changed, _apply_provisioning_plan=changed, _handle_thing_principals=changed
    )
    with pytest.raises(MinistackChanged, match="_provisioning_plan has changed"):
        install(other)
    assert other._provisioning_plan is changed
