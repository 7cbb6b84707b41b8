"""What the API answers when it cannot do what was asked: problem documents (RFC 9457). Pure.

`detail` is one sentence with the caller's next step; `pointer` (RFC 6901) names the field of the request's body. Never
anything of a person in either: these texts end up in other people's logs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, NamedTuple

#: Content type of every problem document.
PROBLEM_TYPE: Final = "application/problem+json"


#: Names of RFC 9110 §15.5 that Python learnt in 3.13: the same text whatever runs the service.
_RENAMED: Final = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}


def phrase(status: int) -> str:
    """The name of an HTTP status, e.g. "Not Found". Raises ValueError for a number that is none."""
    return _RENAMED.get(status) or HTTPStatus(status).phrase


class FieldError(NamedTuple):
    """What is wrong with one field. `pointer`: where it stands in the body, e.g. /people/3/phone."""

    pointer: str
    detail: str


class Problem(Exception):
    """Ends a call with a problem document. `code` is stable and meant for programs, `detail` for people."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def document(self) -> dict[str, Any]:
        """The JSON document. `type` is about:blank: the title is the status's own, `code` says which case it is."""
        made: dict[str, Any] = {
            "type": "about:blank",
            "title": phrase(self.status),
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        if self.errors:
            made["errors"] = [{"pointer": error.pointer, "detail": error.detail} for error in self.errors]
        return made


def not_found() -> Problem:
    """The one answer for what does not exist and for what belongs to somebody else: nobody can tell them apart."""
    return Problem(404, "not_found", "There is nothing under this address that this token may see.")


def pointer_of(path: Sequence[str | int]) -> str:
    """A path as a JSON pointer.

    >>> pointer_of(("people", 3, "a/b"))
    '/people/3/a~1b'
    """
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
