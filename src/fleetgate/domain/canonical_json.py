"""JSON in one way only, so that equal documents are equal bytes."""

import json
from collections.abc import Mapping
from typing import Any

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def canonical_json(document: Mapping[str, Any]) -> bytes:
    """JSON in ASCII, sorted keys, no spaces."""
    return _CANONICAL.encode(document).encode("ascii")
