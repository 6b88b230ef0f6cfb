"""How often Python looks for garbage in cycles while it reads lists."""

import gc

# Of new objects before Python looks through them. A row of a list makes five, and none of them is in a cycle; with
# Python's own 700 a third of the time of reading goes into looking.
_NEW_OBJECTS = 50_000


def collect_rarely() -> None:
    """Look for cycles rarely, and no more through what is loaded by now. For the whole process."""
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)
