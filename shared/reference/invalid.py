"""How a value says what is wrong: a code for machines, a sentence for the clerk, a sentence for the integrator."""

from dataclasses import dataclass


class Invalid(ValueError):  # noqa: N818 - what it says about a value, as in `except Invalid`
    """A value that cannot be what it claims to be.

    `code` is stable and dotted (`nik.invalid_date`) and part of the public contract; `text_id` and `text_en` say what
    is wrong and what to do. None of the three repeats the value: they travel into replies, logs and held messages,
    which other people read (contract, "Replies").
    """

    def __init__(self, code: str, text_id: str, text_en: str) -> None:
        # All three go to the base class, so that the exception survives pickling and copying.
        super().__init__(code, text_id, text_en)
        self.code = code
        self.text_id = text_id
        self.text_en = text_en

    def __str__(self) -> str:
        return f"{self.code}: {self.text_en}"


@dataclass(frozen=True, slots=True)
class Note:
    """A warning: the value is taken, and somebody should look at it. Same three fields as `Invalid`."""

    code: str
    text_id: str
    text_en: str
