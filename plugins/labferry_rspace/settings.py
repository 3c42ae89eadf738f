"""What a `[sources.NAME]` table of type `rspace` holds."""

import json
import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from typing_extensions import override

from labferry_rspace.server_settings import ServerSettings

_GLOBAL_ID = re.compile(r"\s*(?:SD|FL|NB|GL|GF)?0*([1-9][0-9]{0,18})\s*", re.ASCII)
_QUERY_LENGTH = 2000


def _record_id(value: object) -> object:
    """An id or a global id as the plain number that the server wants."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    match = _GLOBAL_ID.fullmatch(text)
    if match is None:
        raise ValueError("a record's id, such as 123, or its global id, such as SD123 or FL123")
    return int(match[1])


def _json(text: str) -> str:
    try:
        json.loads(text)
    except ValueError as error:
        raise ValueError(f"JSON, as RSpace's advanced search accepts it ({error})") from None
    return text


_RecordId = Annotated[
    int,
    BeforeValidator(_record_id),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1},
                {"type": "string", "pattern": f"^{_GLOBAL_ID.pattern}$"},
            ]
        }
    ),
]
_Id = Annotated[int, Field(gt=0, strict=True)] | Annotated[str, Field(min_length=1)]
_Query = Annotated[str, Field(min_length=1, max_length=_QUERY_LENGTH)]

_BELONGS = {
    "id": ("user", "group"),
    "selections": ("selection",),
    "query": ("search",),
    "advanced_query": ("search",),
    "include": ("all-users", "all-groups"),
    "exclude": ("all-users", "all-groups"),
}


class RSpaceSettings(ServerSettings):
    """An RSpace server, and what to export from it."""

    type: Literal["rspace"]
    """Which kind of source this is."""

    scope: Literal["user", "group", "selection", "search", "all-users", "all-groups"] = "user"
    """What to export: a user's work, a group's, chosen records, the results of a search, or, with
    an administrator's key, the work of each user or group as a separate archive."""

    id: _Id | None = None
    """With scope user or group: the numeric id, or in quotes the username or the group's name. The
    default is the owner of the key, or every lab group of which this owner is the PI."""

    selections: tuple[_RecordId, ...] = ()
    """With scope selection: ids of documents, notebooks, folders and gallery files; 123 or SD123.
    More than 2000 become several exports."""

    query: _Query | None = None
    """With scope search: the words to search for in documents, as in RSpace's own search box."""

    advanced_query: Annotated[_Query, AfterValidator(_json)] | None = None
    """With scope search: an advanced search, as the JSON text that RSpace's API documents."""

    include: tuple[str, ...] = ()
    """With scope all-users or all-groups: export only those whose name matches one of these
    patterns (`*`, `?` and `[…]` as in file names). The default is everybody."""

    exclude: tuple[str, ...] = ()
    """With scope all-users or all-groups: leave out those whose name matches one of these
    patterns."""

    include_disabled: bool = True
    """With scope all-users: whether to export the work of disabled accounts too. If not, labferry
    leaves out the accounts that the server's list marks as disabled. RSpace 2.26 marks none: then
    labferry exports all and warns about it. Use exclude to leave some out."""

    format: Literal["xml", "html"] = "xml"
    """The format of the export: xml can be imported again, html can be read in a browser."""

    include_revision_history: bool = False
    """Whether to export all earlier versions of documents too."""

    max_link_level: Annotated[int, Field(ge=0)] = 1
    """How many links between documents to follow. Attachments are exported even with 0."""

    @override
    def _mistakes(self) -> Iterator[str]:
        yield from super()._mistakes()
        for key, scopes in _BELONGS.items():
            if getattr(self, key) and self.scope not in scopes:
                yield f"{key} only with scope {' or '.join(scopes)}; here it is {self.scope}"
        if self.scope == "selection" and not self.selections:
            yield "selections: the ids of what to export, because scope is selection"
        if self.scope == "search" and (self.query is None) == (self.advanced_query is None):
            yield "either query or advanced_query, because scope is search, and not both"
