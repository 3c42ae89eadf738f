"""Series: each archive of a source a new version of the one before."""

from collections.abc import Iterator

from labferry.sdk import ConflictError, TransientError, waiting
from labferry_zenodo.model import Record
from labferry_zenodo.task import Task

_INDEX_DELAY = 2.0
_TELLING = ("title", "description")


class Series:
    """Finds the newest version of a series, and makes the draft of the next one.

    The index of searches is behind; so what this process published is remembered.
    """

    def __init__(self) -> None:
        self._published: dict[str, str] = {}

    def remember(self, record: Record) -> None:
        """Note a published version."""
        if record.marker is not None:
            self._published[record.marker.series] = record.id

    def newest(self, task: Task) -> Record | None:
        """The newest published version; None where the series is still to begin.

        Raises:
            ConflictError: It has begun, with a draft that nobody published.
        """
        known = self._published.get(task.marker.series) or self._found(task)
        if known is None:
            # A second series would never become one with the first.
            waiting.pause(_INDEX_DELAY)
            known = self._found(task)
        if known is None:
            return None
        newest = task.records.published(task.records.latest(known))
        if newest is None:
            raise TransientError(f"The newest version of {known} can't be read.")
        return newest

    def next_draft(self, task: Task, newest: Record) -> Record:
        """The draft of the version after the newest.

        Raises:
            ConflictError: There is one already that is not this archive's.
        """
        task.journal.note(intent="version")
        # Answers to writes may tell less than what is read.
        draft = task.records.draft(task.records.new_version(newest.id).id)
        if draft is None or draft.published or draft.parent != newest.parent:
            raise TransientError(f"No new version of {task.link(newest)} came about.")
        if draft.marker != task.marker and not self._is_untouched(task, draft, newest):
            raise ConflictError(
                f"{task.link(draft)} is another new version of {task.link(newest)} that nobody "
                "published; there can be only one at a time.",
                hint="Publish it or delete it by hand.",
            )
        task.journal.note(draft=draft.id, made=True)
        return draft

    def _is_untouched(self, task: Task, draft: Record, newest: Record) -> bool:
        """Whether a draft is as the server makes it: it says the same, and has no files."""
        same = all(draft.metadata.get(name) == newest.metadata.get(name) for name in _TELLING)
        return same and draft.marker == newest.marker and not task.records.files(draft)

    def _found(self, task: Task) -> str | None:
        waiting: Record | None = None
        for record in self._versions(task):
            if record.published:
                return record.id
            if record.marker != task.marker:
                waiting = record
        if waiting is not None:
            raise ConflictError(
                f"The series of {task.archive.source} begins with {task.link(waiting)}, which is "
                "not published yet.",
                hint="It is published when its archive is stored again; or publish it or delete "
                "it by hand.",
            )
        return None

    def _versions(self, task: Task) -> Iterator[Record]:
        """Records of the series as they are now."""
        for hit in task.records.mine():
            if hit.marker is not None and hit.marker.series == task.marker.series:
                record = task.records.current(hit.id)
                if record is not None and record.marker == hit.marker:
                    yield record
