"""Names that a person takes for the same, and the one that was probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches

# Characters that tell names apart, and that people overlook: separators, and digits that look like letters.
_OVERLOOKED = str.maketrans({".": "", "_": "", "-": "", " ": "", "0": "o", "1": "l"})


def as_people_see(name: str) -> str:
    """What is left of a name for a person who does not look twice. Two names with the same rest are taken for one."""
    return name.casefold().translate(_OVERLOOKED)


def probably_meant(name: str, known: Iterable[str]) -> str | None:
    """The known name that somebody probably meant who wrote another; None if none is like it."""
    by_look = {as_people_see(one): one for one in sorted(known)}
    close = get_close_matches(as_people_see(name), by_look, n=1, cutoff=0.7)
    return by_look[close[0]] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The question for somebody who wrote a name that nobody has."""
    meant = probably_meant(name, known)
    return f"Is the name right? Did you mean {meant}?" if meant else "Is the name right?"
