"""Which job at the server is needed no more."""

from labferry.lifecycle.job import ExportJob, Policy


def job_to_release(before: ExportJob, after: ExportJob, policy: Policy) -> ExportJob | None:
    """Whose job at the server is needed no more by what just happened; None if none is.

    Args:
        before: The export before that.
        after: The export after it.
        policy: Whether its source can have jobs removed.
    """
    has_ended = after.phase.is_over and not before.phase.is_over
    if not policy.can_release or not (has_ended or after.renewals > before.renewals):
        return None
    ended = after if has_ended else before
    return ended if ended.ours and (ended.server_job or ended.link) else None
