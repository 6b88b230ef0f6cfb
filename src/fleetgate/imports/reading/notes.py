"""Notes about the cells of a file: what was made of some of them, said once, and not for each row."""

_MAX_NOTES = 20
# Further subjects that are told apart, so that they can be counted.
_MAX_COUNTED = 10_000


class CellNotes:
    """The notes of one reading of a file."""

    def __init__(self) -> None:
        self._sentences: dict[object, str] = {}
        self._more: set[int] = set()
        self._first: list[str] = []

    def tell(self, sentence: str) -> None:
        """Note something before the notes on cells; whoever tells it keeps to a few."""
        self._first.append(sentence)

    def add(self, subject: object, sentence: str) -> None:
        """Note something, unless it was noted of the same subject before."""
        if subject in self._sentences:
            return
        if len(self._sentences) < _MAX_NOTES:
            self._sentences[subject] = sentence
        elif len(self._more) < _MAX_COUNTED:
            self._more.add(hash(subject))

    def sentences(self) -> tuple[str, ...]:
        """At most some notes, and how many more there are."""
        if not self._more:
            return (*self._first, *self._sentences.values())
        most = "at least " if len(self._more) == _MAX_COUNTED else ""
        return (*self._first, *self._sentences.values(), f"And {most}{len(self._more):,} more notes of this kind.")
