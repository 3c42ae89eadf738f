"""The controlled vocabularies, as far as anybody needs them here."""

RESOURCE_TYPES = {
    "dataset": "Dataset",
    "image": "Image",
    "lesson": "Lesson",
    "other": "Other",
    "physicalobject": "Physical object",
    "publication": "Publication",
    "publication-article": "Journal article",
    "publication-datamanagementplan": "Data management plan",
    "publication-other": "Other",
    "publication-report": "Report",
    "publication-workingpaper": "Working paper",
    "software": "Software",
    "video": "Video/Audio",
    "workflow": "Workflow",
}
LICENCES = {
    "apache-2.0": "Apache License 2.0",
    "cc-by-4.0": "Creative Commons Attribution 4.0 International",
    "cc-by-nc-4.0": "Creative Commons Attribution Non Commercial 4.0 International",
    "cc-by-nc-nd-4.0": "Creative Commons Attribution Non Commercial No Derivatives 4.0",
    "cc-by-nd-4.0": "Creative Commons Attribution No Derivatives 4.0 International",
    "cc-by-sa-4.0": "Creative Commons Attribution Share Alike 4.0 International",
    "cc0-1.0": "Creative Commons Zero v1.0 Universal",
    "mit": "MIT License",
}
LANGUAGES = {"deu": "German", "eng": "English", "fra": "French", "spa": "Spanish"}
RELATIONS = {
    name: name
    for name in (
        "cites",
        "continues",
        "describes",
        "documents",
        "hasmetadata",
        "haspart",
        "hasversion",
        "iscitedby",
        "iscontinuedby",
        "isderivedfrom",
        "isdescribedby",
        "isdocumentedby",
        "isidenticalto",
        "isnewversionof",
        "ispartof",
        "ispreviousversionof",
        "isreferencedby",
        "issourceof",
        "issupplementedby",
        "issupplementto",
        "isvariantformof",
        "isversionof",
        "references",
    )
}
SCHEMES = frozenset(
    (
        *("ads", "ark", "arxiv", "crossreffunderid", "doi", "ean13", "eissn", "grid", "handle"),
        *("igsn", "isbn", "isni", "issn", "istc", "lissn", "lsid", "other", "pmid", "purl"),
        *("swh", "upc", "url", "urn", "w3id"),
    )
)
