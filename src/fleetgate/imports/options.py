"""What a sender says about how to read a list: it travels with the file, as metadata of its S3 object."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Self
from urllib.parse import quote, unquote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

# Amazon S3, user-defined metadata: 2 KB in all, ASCII.
_MAX_CHARACTERS = 1_800


class HiddenCells(StrEnum):
    """What happens to rows and columns of a workbook that its sender does not see."""

    REFUSE = "refuse"
    LEAVE_OUT = "leave_out"
    INCLUDE = "include"


class InvalidOptions(ValueError):
    """Reading options that cannot be; the message says why."""


class ReadingOptions(BaseModel):
    """How to read one list.

    Attributes:
        sheet: The name of a workbook's sheet; None for the only visible one.
        columns: By a heading as delivered: the name of one of our columns, or "" to leave the column out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    sheet: str | None = None
    hidden: HiddenCells = HiddenCells.REFUSE
    columns: Mapping[str, str] = Field(default_factory=dict)

    def metadata(self) -> str | None:
        """The options as S3 metadata; None where they are the default.

        Raises:
            InvalidOptions: They are longer than S3 takes.
        """
        text = quote(self.model_dump_json(exclude_defaults=True))
        if len(text) > _MAX_CHARACTERS:
            raise InvalidOptions("the names of sheet and columns are longer than S3 takes beside a file")
        return None if self == ReadingOptions() else text

    @classmethod
    def of_metadata(cls, text: str | None) -> Self:
        """The options that S3 metadata says.

        Raises:
            InvalidOptions: The metadata are not those of `metadata`.
        """
        try:
            return cls() if text is None else cls.model_validate_json(unquote(text, errors="strict"))
        except (ValidationError, UnicodeDecodeError) as error:
            raise InvalidOptions("the metadata do not say how to read a list") from error
