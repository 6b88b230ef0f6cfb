"""The extensions of the embedded AWS: one that no longer fits ministack ends it, and replaces nothing."""

from collections.abc import Callable

import pytest

from local.embedded import loopback


def changed() -> None:
    """Stands for a function of another version of ministack."""


class Other:
    """Stands for the modules of another version of ministack."""

    def __getattr__(self, _name: str) -> Callable[[], None]:
        return changed


@pytest.mark.parametrize("extension", loopback._EXTENSIONS)
def test_an_extension_that_no_longer_fits_is_an_error_that_names_the_function(
    extension: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Other()
    monkeypatch.setattr(loopback, "_EXTENSIONS", (extension,))
    monkeypatch.setattr(loopback, "import_module", lambda _name: other)

    with pytest.raises(loopback.MinistackChanged, match=r"ministack\.\w+\.\w+\.\w+ has changed"):
        loopback.extend()
    assert vars(other) == {}
