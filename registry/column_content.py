"""What the cells of a column look like, whatever its heading says. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Final

from registry.cells import EMAIL_PATTERN, read_date
from registry.languages import read_language
from registry.phones import PhoneProblem, read_phone

#: Cells of a column that are looked at.
SAMPLE: Final = 60

_POSTAL: Final = re.compile(r"〒?\d{3}-?\d{4}")
_NAME: Final = re.compile(r"[^@_/:;=<>#]{2,60}")


def _is_phone(text: str) -> bool:
    try:
        read_phone(text)
    except PhoneProblem:
        return False
    return True


def _is_name(text: str) -> bool:
    letters, digits = sum(c.isalpha() for c in text), sum(c.isdigit() for c in text)
    return bool(_NAME.fullmatch(text)) and letters >= max(2, digits) and read_language(text) is None


#: Field -> whether one cell looks like it. Only fields that have a look of their own.
LOOKS: Final[dict[str, Callable[[str], bool]]] = {
    "email": lambda text: bool(EMAIL_PATTERN.fullmatch(text)),
    "phone": _is_phone,
    "home_postal_code": lambda text: bool(_POSTAL.fullmatch(text)),
    "language": lambda text: read_language(text) is not None,
    "start_date": lambda text: not text.isdigit() and read_date(text) is not None,
    "name": _is_name,
}
#: Fields whose column must look like another field's.
LIKE: Final = {
    "second_language": "language",
    "end_date": "start_date",
    "work_postal_code": "home_postal_code",
    "family_name": "name",
    "given_name": "name",
}


def looks_like(cells: Sequence[str], field: str) -> float | None:
    """The share of a column's filled cells that look like `field`; None where nothing can be said.

    >>> looks_like(["090-1234-5601", "080-1234-5602", "", "なし"], "phone"), looks_like(["x"], "room")
    (0.6666666666666666, None)
    """
    test = LOOKS.get(LIKE.get(field, field))
    texts = [unicodedata.normalize("NFKC", c) for c in cells if c][:SAMPLE]
    return sum(map(test, texts)) / len(texts) if test and texts else None
