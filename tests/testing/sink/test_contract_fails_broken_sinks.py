import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from tests.paths import ROOT

_HERE = Path(__file__).parent

# The sink that keeps every promise passes these; so does one that breaks a single other one.
_CONTROL = {
    "test_traits_are_sink_traits",
    "test_empty_destination_lists_nothing",
    "test_check_finds_a_working_destination_fine",
    "test_manifest_becomes_visible_last",
    "test_open_begins_at_the_offset[0]",
    "test_archive_without_a_manifest_is_not_listed",
    "test_archive_that_is_being_stored_is_not_listed",
}

# The case that is there for the mistake.
_CAUGHT_BY = {
    "BelievesEveryCheckpoint": "test_unknown_checkpoint_does_not_hinder",
    "ChecksInSilence": "test_check_finds_a_working_destination_fine",
    "ChecksNothing": "test_check_fails_where_nothing_can_be_stored",
    "ClaimsToHaveReadBack": "test_read_back_is_no_empty_claim",
    "ClaimsToHaveReadWhatItOnlyLookedAt": "test_quick_check_finds_a_whole_copy_fine",
    "ClosesOnlyOnce": "test_making_and_closing_a_sink_changes_nothing",
    "CopiesAfterTheCommit": "test_archive_is_whole_before_its_manifest_is_sealed",
    "DeletesAnyPath": "test_hostile_key_is_not_deleted",
    "DeletesByPrefix": "test_delete_leaves_the_others",
    "DeletesTheArchiveFirst": "test_killed_while_deleting",
    "DeletesTheManifestOnly": "test_delete_removes_the_archive_and_its_manifest",
    "DeletesThoughItSaysItCannot": "test_delete_removes_the_archive_and_its_manifest",
    "DoesNotDescribeItsSettings": "test_every_setting_is_described",
    "DropsTheLastPiece": "test_stored_archive_holds_the_same_bytes",
    "FailsToDeleteWhatIsGone": "test_deleting_again_is_no_error",
    "FailsToRemoveWhatWentMeanwhile": "test_removing_a_stray_again_is_no_error",
    "FailsWhenItIsThereAlready": "test_missing_manifest_is_added",
    "FindsEveryCopyFine": "test_quick_check_finds_a_copy_that_was_cut_short",
    "FindsWhatIsNotCommitted": "test_archive_is_found_by_its_key",
    "FollowsTheNameInTheManifest": "test_name_inside_a_manifest_is_not_followed[other.zip]",
    "HasNoPlainType": "test_type_is_a_plain_word",
    "HoldsEverything": "test_nothing_holds_an_ordinary_archive",
    "IgnoresMisspeltSettings": "test_unknown_setting_is_a_mistake",
    "IgnoresShortReads": "test_any_size_is_stored[1]",
    "IgnoresTheOffset": "test_open_begins_at_the_offset[65536]",
    "LeavesAMarker": "test_nothing_else_is_left_in_the_storage",
    "LeavesItsProbe": "test_check_leaves_no_trace",
    "LeavesReadersOpen": "test_readers_are_given_back",
    "LeavesTemporariesOfFailures": "test_failing_read_is_passed_on_and_publishes_nothing[bug]",
    "LeavesTemporariesOfTheKilled": "test_killed_while_reading",
    "LetsTheStoragesErrorsThrough": "test_store_fails_where_nothing_can_be_stored",
    "ListsOneFolderOnly": "test_committed_archives_are_listed",
    "ListsTheSizeThatTheManifestSays": "test_size_is_what_the_storage_holds",
    "ListsWhatIsNotCommitted": "test_archive_without_a_manifest_is_not_listed",
    "ListsWhatIsNotThere": "test_manifest_without_an_archive_is_not_listed",
    "MakesASecondCopy": "test_storing_again_makes_no_second_copy",
    "NamesTemporariesAfterTheKey": "test_awkward_names_are_stored[long/nnnnnnnnnnnnnnnnnnnnnnnnn]",
    "NamesTheKindInReceipts": "test_receipt_tells_what_was_stored",
    "NeedsAnMd5WithoutSayingSo": "test_any_size_is_stored[0]",
    "OpensAnyPath": "test_hostile_key_is_not_opened",
    "OpensWhatIsGoneAsEmpty": "test_open_what_is_gone_is_not_found",
    "OverwritesAnotherArchive": "test_another_archive_under_the_same_key_is_a_conflict",
    "OverwritesWhatHasNoManifest": "test_unknown_file_under_the_same_key_is_not_overwritten[0]",
    "PublishesBeforeVerification": "test_nothing_is_visible_while_the_archive_arrives[1.0]",
    "PublishesTheManifestFirst": "test_killed_while_publishing",
    "RaisesWhatTheSystemRaises": "test_open_what_is_gone_is_not_found",
    "ReadsItAllIntoMemory": "test_big_archive_takes_little_memory",
    "RefusesEmptyArchives": "test_any_size_is_stored[0]",
    "RemembersWhatItListed": "test_list_is_never_stale",
    "RemovesAnyStray": "test_only_what_is_unfinished_can_be_removed",
    "RenamesErrorsOfTheReader": "test_refused_archive_leaves_nothing[0.5]",
    "SendsItAgain": "test_committed_archive_is_not_sent_again",
    "SharesOneTemporary": "test_two_archives_at_a_time",
    "ShowsASecretInReceipts": "test_receipt_shows_no_secret",
    "StopsAtABrokenManifest": "test_broken_manifest_is_not_listed[cut-short]",
    "SwallowsErrorsOfTheReader": "test_refused_empty_archive_leaves_nothing",
    "SwallowsErrorsOfTheStorage": "test_store_fails_where_nothing_can_be_stored",
    "SwallowsARestart": "test_download_that_began_anew_is_not_published",
    "SweepsItsNeighbours": "test_neighbours_with_similar_names_are_left_alone",
    "TakesAnotherMarker": "test_marker_stays_as_it_is_and_is_no_stray",
    "TakesArchivesForStrays": "test_committed_archives_are_no_strays",
    "TakesForeignFilesForItsOwn": "test_strays_are_told_apart",
    "TakesTheSizeForTheContent": "test_unknown_file_under_the_same_key_is_not_overwritten[0]",
    "TellsNoStrays": "test_what_a_killed_store_left_is_told_and_can_be_removed",
    "TrustsAnyToken": "test_only_what_is_unfinished_can_be_removed",
    "TrustsTheManifest": "test_missing_archive_is_added",
    "WritesItsOwnManifest": "test_stored_archive_holds_the_same_bytes",
    "WritesWhenItIsMade": "test_making_and_closing_a_sink_changes_nothing",
}

# A sink that can't store at all can't show anything else either.
_FAILS_CONTROL_TOO = {
    "DropsTheLastPiece": {"test_open_begins_at_the_offset[0]"},
    "IgnoresShortReads": {"test_open_begins_at_the_offset[0]"},
    "NeedsAnMd5WithoutSayingSo": {
        "test_manifest_becomes_visible_last",
        "test_open_begins_at_the_offset[0]",
        "test_archive_that_is_being_stored_is_not_listed",
    },
}


def _pytest(folder: Path, *arguments: str) -> Path:
    report, settings = folder / "report.xml", folder / "pytest.ini"
    settings.write_text("[pytest]\naddopts = --import-mode=importlib\nfilterwarnings = error\n")
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "--tb=no", "--noconftest", "-pno:cacheprovider",
            f"-c{settings}", f"--rootdir={ROOT}", f"--basetemp={folder / 'tmp'}",
            f"--junitxml={report}",
            *arguments,
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, [*sys.path, str(ROOT)])),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )  # fmt: skip
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    return report


def _outcomes(report: Path) -> dict[str, set[str]]:
    """The failed cases of each sink; every sink that was tried has an entry."""
    failed: dict[str, set[str]] = {}
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - written by pytest just now
        sink = case.attrib["classname"].rpartition(".Test")[2]
        failed.setdefault(sink, set())
        if len(case):
            failed[sink].add(case.attrib["name"])
    return failed


@pytest.mark.timeout(600)
def test_contract_fails_each_broken_sink_for_its_own_reason(tmp_path: Path) -> None:
    suites = _HERE / "suites.py"
    cases = [
        f"{suites}::Test{sink}::{case}"
        for sink, caught_by in _CAUGHT_BY.items()
        for case in sorted(_CONTROL | {caught_by})
    ]
    expected = {
        sink: {caught_by, *_FAILS_CONTROL_TOO.get(sink, ())}
        for sink, caught_by in _CAUGHT_BY.items()
    }
    assert _outcomes(_pytest(tmp_path, *cases)) == expected


@pytest.mark.timeout(600)
def test_contract_passes_the_sink_that_the_broken_ones_are_made_from(tmp_path: Path) -> None:
    report = _pytest(tmp_path, f"{_HERE / 'suites.py'}::TestFolderSink")
    assert _outcomes(report) == {"FolderSink": set()}


def test_every_broken_sink_is_tried() -> None:
    texts = [path.read_text(encoding="utf-8") for path in _HERE.glob("broken_*.py")]
    lines = [line for text in texts for line in text.splitlines()]
    made = {
        line.removeprefix("class ").partition("(")[0]
        for line in lines
        if line.startswith("class ") and line.endswith("(FolderSink):")
    }
    assert made == set(_CAUGHT_BY)
    assert len(made) >= 20
