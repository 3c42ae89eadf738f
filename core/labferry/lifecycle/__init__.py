"""The export job as a pure state machine: no I/O, no clock, no threads.

`decide` says what to do next with a job, `advance` what became of it. `sync` alone acts: it
asks `decide`, writes the job to the ledger before every step that the world can see, does the
step, and gives what happened to `advance`. So a job in the ledger is always one of which the
next run knows how to go on::

    PLANNED ──► SUBMITTING ──► RUNNING ──► COMPLETED ──► VERIFIED ──► DONE
       ▲            │  ▲          ▲            │
       │            ▼  │          └────────────┘  asked again before every download
       │         UNCERTAIN                        (links are made anew each time)
       └───────────────────────────────────────   expired or forgotten at the server: one new export

Any phase before VERIFIED can end in FAILED, or in UNCHANGED if there is nothing new to store. A
process that dies leaves SUBMITTING behind only if it died between the intent and the answer: an
export may or may not run then (UNCERTAIN). If the source can list the server's jobs, it looks for
that export; else the export is asked for again after a while.

`job_to_release` says when the server's job is needed no more, so that its source may remove it.
"""

from labferry.lifecycle.job import ExportJob, Phase, Policy
from labferry.lifecycle.machine import advance, decide
from labferry.lifecycle.release import job_to_release

__all__ = ["ExportJob", "Phase", "Policy", "advance", "decide", "job_to_release"]
