"""What a store notes before and after each step, so that a later one knows what was done."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from labferry.sdk import Checkpoint


class Notes(BaseModel):
    """The note itself.

    Attributes:
        url: The server.
        key: The archive's key.
        intent: What was about to be asked for: a draft of its own, or a version in a series. Set
            without `draft`, the answer was lost.
        draft: The record's id.
        made: Whether it is sure that labferry made the draft, for this archive.
        sent: The digest of the metadata that was sent last.
        echo: The digest of what the server then had: another one now is a person's doing.
        publishing: When publishing was asked for, in seconds since 1970; nothing where that was
            certainly refused.
        doi: The DOI, once published.
        discarding: The draft was about to be deleted by labferry itself.
        stuck: How often a file in the draft could not be removed.
        abandoned: The ids of drafts that labferry made and can't go on with.
    """

    model_config = ConfigDict(extra="ignore", strict=True)

    form: Literal[1]
    url: str
    key: str
    intent: Literal["draft", "version"] | None = None
    draft: str | None = None
    made: bool = False
    sent: str | None = None
    echo: str | None = None
    publishing: float | None = None
    doi: str | None = None
    discarding: bool = False
    stuck: int = 0
    abandoned: list[str] = []


class Journal:
    """The notes on one archive, on disk as soon as they are made.

    What another version of this plugin noted, or noted of another place, is left aside.

    Args:
        checkpoint: Where they are kept.
        url: The server.
        key: The archive's key.
    """

    def __init__(self, checkpoint: Checkpoint, url: str, key: str) -> None:
        self._checkpoint = checkpoint
        self._blank = Notes(form=1, url=url, key=key)
        try:
            self.notes = Notes.model_validate(checkpoint.load())
        except ValidationError:
            self.notes = self._blank
        if (self.notes.url, self.notes.key) != (url, key):
            self.notes = self._blank

    def note(self, **changes: Any) -> None:  # noqa: ANN401 - the fields of Notes
        """Change some of the notes."""
        self.notes = self.notes.model_copy(update=changes)
        self._checkpoint.save(self.notes.model_dump(mode="json", exclude_none=True))

    def abandon(self, draft: str) -> None:
        """Begin anew, and never go on with a draft."""
        self.notes = self.notes.model_copy(update={"abandoned": [*self.notes.abandoned, draft]})
        self.clear()

    def clear(self) -> None:
        """Begin anew; what was abandoned stays so."""
        abandoned = self.notes.abandoned
        self.notes = self._blank
        if abandoned:
            self.note(abandoned=abandoned)
        else:
            self._checkpoint.save({})
