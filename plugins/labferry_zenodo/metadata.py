"""The metadata of a record: what the configuration says, and how InvenioRDM wants it."""

import re
import string
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from labferry.sdk.settings import Settings

_PLACES = frozenset({"source", "archive_id", "date"})
_MOMENT = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-.*")
_ORCID = re.compile(r"(?:https?://orcid\.org/)?(\d{4}-\d{4}-\d{4}-\d{3}[\dX])")
_ROR = re.compile(r"(?:https?://ror\.org/)?(0[a-z0-9]{6}\d\d)")
_TEN = 10

Text = Annotated[str, Field(min_length=1)]


def _template(value: str) -> str:
    try:
        parts = [*string.Formatter().parse(value)]
    except ValueError:
        parts = [("", "", "", None)]
    for _, name, form, conversion in parts:
        if name is not None and (name not in _PLACES or form or conversion):
            raise ValueError(
                "text in which {source}, {archive_id} and {date} may stand, and no other braces"
            )
    return value


def _orcid(value: str) -> str:
    match = _ORCID.fullmatch(value.strip())
    if match is None or not _checks(match[1].replace("-", "")):
        raise ValueError('an ORCID iD such as "0000-0002-1825-0097"')
    return match[1]


def _checks(digits: str) -> bool:
    """ISO 7064, MOD 11-2: what the last character of an ORCID iD is computed by."""
    total = 0
    for digit in digits[:-1]:
        total = (total + int(digit)) * 2
    check = (12 - total % 11) % 11
    return digits[-1] == ("X" if check == _TEN else str(check))


def _ror(value: str) -> str:
    match = _ROR.fullmatch(value.strip())
    if match is None:
        raise ValueError('a ROR id such as "https://ror.org/01ggx4157"')
    return match[1]


Ror = Annotated[str, AfterValidator(_ror)]


class Creator(Settings):
    """Who made what is stored: a person or an organisation."""

    family_name: Text | None = None
    """A person's family name."""

    given_name: Text | None = None
    """A person's given names."""

    organization: Text | None = None
    """The name of an organisation or a group, in place of a person's names."""

    orcid: Annotated[str, AfterValidator(_orcid)] | None = None
    """A person's ORCID iD."""

    ror: Ror | None = None
    """An organisation's ROR id."""

    affiliation: Text | None = None
    """Where they belong to, by name."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.family_name is None) == (self.organization is None):
            raise ValueError("A creator has either a family_name or is an organization.")
        if self.organization is not None and (self.given_name or self.orcid):
            raise ValueError("given_name and orcid are a person's; this is an organization.")
        if self.family_name is not None and self.ror:
            raise ValueError("A ror is an organisation's; a person's goes to affiliation by name.")
        return self

    def document(self) -> dict[str, Any]:
        """As InvenioRDM wants it."""
        person: dict[str, Any] = (
            {"type": "organizational", "name": self.organization}
            if self.organization
            else {"type": "personal", "family_name": self.family_name}
        )
        if self.given_name:
            person["given_name"] = self.given_name
        identifiers = {"orcid": self.orcid, "ror": self.ror}
        known = [
            {"scheme": name, "identifier": value} for name, value in identifiers.items() if value
        ]
        if known:
            person["identifiers"] = known
        places = {"affiliations": [{"name": self.affiliation}]} if self.affiliation else {}
        return {"person_or_org": person, **places}


class RelatedIdentifier(Settings):
    """Something else that has to do with what is stored, such as an article."""

    identifier: Text
    """Its DOI, URL or other identifier."""

    relation: Annotated[str, Field(pattern="^[a-z]+$")]
    """What the archive is to it, such as `issupplementto`, `isderivedfrom` or `references`."""

    scheme: Annotated[str, Field(pattern="^[a-z0-9]+$")] | None = None
    """What kind of identifier it is, such as `doi` or `url`; known by itself for those two."""

    resource_type: Text | None = None
    """What kind of thing it is, such as `publication-article`."""

    @model_validator(mode="after")
    def _has_scheme(self) -> Self:
        if not self._scheme:
            raise ValueError("An identifier that is neither a DOI nor a URL needs its scheme.")
        return self

    @property
    def _scheme(self) -> str | None:
        if self.scheme:
            return self.scheme
        if re.match(r"(https?://(dx\.)?doi\.org/)?10\.\d{4,}", self.identifier):
            return "doi"
        return "url" if self.identifier.startswith(("http://", "https://")) else None

    def document(self) -> dict[str, Any]:
        """As InvenioRDM wants it."""
        kind = {"resource_type": {"id": self.resource_type}} if self.resource_type else {}
        return {
            "identifier": self.identifier,
            "scheme": self._scheme,
            "relation_type": {"id": self.relation},
            **kind,
        }


class Funding(Settings):
    """Who paid for it."""

    funder: Text | None = None
    """The funder's name."""

    funder_ror: Ror | None = None
    """The funder's ROR id, in place of its name: the server knows the name."""

    award_id: Text | None = None
    """The award's id in the server's list, such as `00k4n6c32::101000000`."""

    award_number: Text | None = None
    """The award's number, for one that is not in the list."""

    award_title: Text | None = None
    """The award's title, for one that is not in the list."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.funder is None) == (self.funder_ror is None):
            raise ValueError("Funding needs either the funder's name or its funder_ror.")
        if self.award_id and (self.award_number or self.award_title):
            raise ValueError("An award is given by award_id, or by award_number and award_title.")
        if bool(self.award_number) != bool(self.award_title):
            raise ValueError("award_number and award_title are needed both, or neither.")
        return self

    def document(self) -> dict[str, Any]:
        """As InvenioRDM wants it."""
        funder = {"id": self.funder_ror} if self.funder_ror else {"name": self.funder}
        if self.award_id:
            return {"funder": funder, "award": {"id": self.award_id}}
        if self.award_number:
            title = {"en": self.award_title}
            return {"funder": funder, "award": {"number": self.award_number, "title": title}}
        return {"funder": funder}


class Metadata(Settings):
    """The metadata of the records. All of it becomes public when a record is published."""

    creators: Annotated[tuple[Creator, ...], Field(min_length=1)]
    """Who made what is stored, at least one."""

    title: Annotated[str, Field(min_length=3), AfterValidator(_template)] = (
        "Backup of {source}, {date}"
    )
    """The title; `{source}`, `{archive_id}` and `{date}` stand for the archive's own."""

    description: Annotated[str, Field(min_length=3)] | None = None
    """What it is, for readers; simple HTML is allowed."""

    resource_type: Text = "dataset"
    """What kind of thing it is, a word of the server's own list."""

    licence: Text | None = None
    """The licence's id in the server's list, such as `cc-by-4.0`; none for what is not shared."""

    keywords: tuple[Text, ...] = ()
    """Subjects, in free words."""

    publisher: Text | None = None
    """Who publishes it; Zenodo on Zenodo, else the server's host name where it is left out."""

    related_identifiers: tuple[RelatedIdentifier, ...] = ()
    """What else it has to do with."""

    funding: tuple[Funding, ...] = ()
    """Who paid for it."""

    def document(self, source: str, archive_id: str, publisher: str) -> dict[str, Any]:
        """As InvenioRDM wants it, for one archive, without its mark.

        Args:
            source: The name of the archive's source.
            archive_id: Its id.
            publisher: Who publishes, where the configuration does not say.
        """
        date = _date(archive_id)
        places = {"source": source, "archive_id": archive_id, "date": date}
        return {
            "title": self.title.format(**places),
            "creators": [each.document() for each in self.creators],
            "resource_type": {"id": self.resource_type},
            "publication_date": date,
            "publisher": self.publisher or publisher,
            **dict(self._optional()),
        }

    def _optional(self) -> Iterator[tuple[str, Any]]:
        if self.description:
            yield "description", self.description
        if self.licence:
            yield "rights", [{"id": self.licence}]
        if self.keywords:
            yield "subjects", [{"subject": word} for word in self.keywords]
        if self.related_identifiers:
            yield "related_identifiers", [each.document() for each in self.related_identifiers]
        if self.funding:
            yield "funding", [each.document() for each in self.funding]


def _date(identity: str) -> str:
    """The day that an archive was asked for, which is the same at every try."""
    match = _MOMENT.fullmatch(identity)
    return "-".join(match.groups()[:3]) if match else datetime.now(UTC).date().isoformat()
