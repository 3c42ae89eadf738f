"""What a draft's metadata may be: what is wrong is left out and told, not refused."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.servers.invenio.messages import Json, invalid, wrong
from tests.servers.invenio.vocabularies import (
    LANGUAGES,
    LICENCES,
    RELATIONS,
    RESOURCE_TYPES,
    SCHEMES,
)

MISSING = "Missing data for required field."
_REQUIRED = ("resource_type", "creators", "title", "publication_date")
_SHORTEST = 3
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?(/\d{4}(-\d\d(-\d\d)?)?)?")
_FREE = frozenset(
    (
        *("additional_titles", "additional_descriptions", "subjects", "contributors", "dates"),
        *("sizes", "formats", "version", "locations", "funding", "references", "publisher"),
        *("copyright",),
    )
)
_VOCABULARIES: Mapping[str, Mapping[str, str]] = {
    "resource_type": RESOURCE_TYPES,
    "rights": LICENCES,
    "languages": LANGUAGES,
}


def load(data: object) -> tuple[Json, list[Json]]:
    """What is kept of metadata, and what was wrong with it.

    Raises:
        Problem: 400, an id is in no vocabulary.
    """
    given = data if isinstance(data, dict) else {}
    _check_vocabularies(given)
    kept: Json = {}
    errors = [wrong(f"metadata.{name}", MISSING) for name in _REQUIRED if not given.get(name)]
    for name, value in given.items():
        complaint = _complaint(name, value)
        if complaint and (value or name not in _REQUIRED):
            errors.append(wrong(f"metadata.{name}", complaint))
        elif value:
            kept[name] = [_creator(each) for each in value] if name == "creators" else value
    return kept, errors


def publishing_errors(metadata: Json, *, mints_dois: bool) -> list[Json]:
    """What is wrong with metadata when it shall be published."""
    _, errors = load(metadata)
    if mints_dois and not metadata.get("publisher"):
        errors.append(wrong("metadata.publisher", MISSING))
    return errors


def dereferenced(metadata: Json) -> Json:
    """Metadata as answers show it: ids of vocabularies with their titles."""
    shown = dict(metadata)
    for name, vocabulary in _VOCABULARIES.items():
        if name in shown:
            value = shown[name]
            several = isinstance(value, list)
            terms = [_term(each, vocabulary) for each in (value if several else [value])]
            shown[name] = terms if several else terms[0]
    return shown


def _term(value: Json, vocabulary: Mapping[str, str]) -> Json:
    title = vocabulary.get(str(value.get("id")))
    return {**value, "title": {"en": title}} if title else value


def _check_vocabularies(given: Json) -> None:
    """Unknown ids are the one mistake in metadata that fails the request."""
    for name, vocabulary in _VOCABULARIES.items():
        value = given.get(name)
        for term in value if isinstance(value, list) else [value]:
            if isinstance(term, dict) and "id" in term and term["id"] not in vocabulary:
                raise invalid([wrong(f"metadata.{name}", f"Invalid value {term['id']}.")])


def _complaint(name: str, value: object) -> str | None:
    check = _CHECKS.get(name)
    if check is not None:
        return check(value)
    return None if name in _FREE else "Unknown field."


def _text(value: object) -> str | None:
    if not isinstance(value, str):
        return "Not a valid string."
    return None if len(value) >= _SHORTEST else f"Shorter than minimum length {_SHORTEST}."


def _date(value: object) -> str | None:
    if isinstance(value, str) and _DATE.fullmatch(value):
        return None
    return "Please provide a valid date or interval."


def _one_term(value: object) -> str | None:
    return None if isinstance(value, dict) and value.get("id") else MISSING


def _terms(value: object) -> str | None:
    if not isinstance(value, list):
        return "Not a valid list."
    bad = [term for term in value if not (isinstance(term, dict) and (term.keys() & _NAMES))]
    return "An identifier or title is required." if bad else None


_NAMES = {"id", "title"}


def _creators(value: object) -> str | None:
    if not isinstance(value, list) or not value:
        return MISSING
    for creator in value:
        person = creator.get("person_or_org") if isinstance(creator, dict) else None
        if not isinstance(person, dict):
            return MISSING
        if person.get("type") == "personal" and not person.get("family_name"):
            return "Family name cannot be blank."
        if person.get("type") == "organizational" and not person.get("name"):
            return "Name cannot be blank."
        if person.get("type") not in ("personal", "organizational"):
            return "Invalid value. Choose one of ['organizational', 'personal']."
    return None


def _creator(value: Json) -> Json:
    """A person's name is made of its parts, whatever was sent."""
    person = dict(value["person_or_org"])
    if person["type"] == "personal":
        names = (person.get("family_name"), person.get("given_name"))
        person["name"] = ", ".join(name for name in names if name)
    return {**value, "person_or_org": person}


def _identifiers(value: object) -> str | None:
    complaint = _related(value, lambda _: None)
    if complaint or not isinstance(value, list):
        return complaint
    schemes = [each["scheme"] for each in value]
    if len(set(schemes)) < len(schemes):
        return "Only one identifier per scheme is allowed."
    return None


def _related_identifiers(value: object) -> str | None:
    def relation(each: Json) -> str | None:
        known = (each.get("relation_type") or {}).get("id") in RELATIONS
        return None if known else "Invalid relation type."

    return _related(value, relation)


def _related(value: object, further: Callable[[Json], str | None]) -> str | None:
    if not isinstance(value, list):
        return "Not a valid list."
    for each in value:
        if not isinstance(each, dict) or not each.get("identifier"):
            return "Identifier cannot be blank."
        if each.get("scheme") not in SCHEMES:
            return "Invalid scheme."
        if complaint := further(each):
            return complaint
    return None


_CHECKS: dict[str, Callable[[Any], str | None]] = {
    "title": _text,
    "description": _text,
    "publication_date": _date,
    "resource_type": _one_term,
    "rights": _terms,
    "languages": _terms,
    "creators": _creators,
    "identifiers": _identifiers,
    "related_identifiers": _related_identifiers,
}
