"""The shape of Zenodo's old API, which ``Accept: application/json`` still gets there."""

from urllib.parse import quote

from tests.servers.invenio.messages import Json


def legacy(shown: Json) -> Json:
    """A record as the old API showed it: integer ids, flat metadata, another ``files``."""
    number = int(shown["id"])
    doi = shown["pids"].get("doi", {}).get("identifier")
    published = shown["is_published"] and not shown["is_draft"]
    return {
        "id": number,
        "recid": str(number),
        "conceptrecid": shown["parent"]["id"],
        "conceptdoi": shown["parent"]["pids"].get("doi", {}).get("identifier"),
        "created": shown["created"],
        "modified": shown["updated"],
        "doi": doi,
        "doi_url": f"https://doi.org/{doi}" if doi else None,
        "title": shown["metadata"].get("title", ""),
        "metadata": _metadata(shown),
        "files": _files(shown),
        "links": shown["links"],
        "owners": [{"id": shown["parent"]["access"]["owned_by"]["user"]}],
        "revision": shown["revision_id"],
        "state": "done" if published else "unsubmitted",
        "submitted": published,
        "status": shown["status"],
    }


def _metadata(shown: Json) -> Json:
    metadata = shown["metadata"]
    kind, _, subtype = metadata.get("resource_type", {}).get("id", "").partition("-")
    kept = {
        name: metadata[name]
        for name in ("title", "publication_date", "description", "version", "publisher")
        if name in metadata
    }
    return {
        **kept,
        "access_right": "open" if shown["access"]["status"] == "open" else "restricted",
        "creators": [_creator(creator) for creator in metadata.get("creators", [])],
        "resource_type": {"type": kind, "subtype": subtype},
        "license": next(({"id": each.get("id")} for each in metadata.get("rights", [])), None),
    }


def _creator(creator: Json) -> Json:
    affiliations = creator.get("affiliations") or [{}]
    name = creator["person_or_org"].get("name")
    return {"name": name, "affiliation": affiliations[0].get("name")}


def _files(shown: Json) -> list[Json]:
    return [
        {
            "id": key,
            "key": key,
            "size": entry["size"],
            "checksum": entry["checksum"],
            "links": {"self": f"{shown['links']['files']}/{quote(key, safe='')}/content"},
        }
        for key, entry in shown["files"].get("entries", {}).items()
    ]
