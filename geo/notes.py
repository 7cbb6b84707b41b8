"""What a clerk should know about a place that was understood: an English sentence that knows its key and values.

Pages say `staff.import.reason.place_<key>` with the values, in the reader's language; logs say the sentence.
"""

from __future__ import annotations

from typing import Final

#: Key -> sentence. {text} and {other}: what was written and what we know; {why}: an error's own sentence.
_SENTENCES: Final = {
    "point_postal": "point ({text}) and postal code ({other}) disagree: alerts for either will be sent",
    "point_address": "point ({text}) and address ({other}) disagree: alerts for either will be sent",
    "postal_address": "postal code ({text}) and address ({other}) disagree: alerts for either will be sent",
    "ward": "the ward of {text} is not known: the strongest warning of its wards counts",
    "swapped": "latitude and longitude were swapped and have been put right: {text}",
    "old_name": "{text} is an old name: read as {other}",
    "far_apart": "the towns of the postal code ({text}) and of the address ({other}) are far apart: check them",
    "no_point": "{why}",
    "no_postal": "{why}",
    "no_address": "{why}",
    "online_disagrees": "the online geocoder found {text}, not {other}: alerts for either will be sent",
    "online_failed": "the online geocoder gave no answer ({text}): what is known offline counts",
    "online_nothing": "the online geocoder does not know the address: what is known offline counts",
}


class PlaceNote(str):
    """One sentence about a place. `values`: what its translations are filled with."""

    __slots__ = ("key", "values")

    key: str
    values: dict[str, str]

    def __new__(cls, key: str, **values: str) -> PlaceNote:
        note = super().__new__(cls, _SENTENCES[key].format(**values))
        note.key = key
        note.values = values
        return note

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, str]]:
        return (self.key,), self.values


#: Every key, so that a test can ask each for its words.
NOTE_KEYS: Final = tuple(_SENTENCES)
