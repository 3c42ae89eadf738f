import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from tests.paths import ROOT

pytestmark = pytest.mark.slow

_HERE = Path(__file__).parent

# The cases that fail, for each mistake; most often the one that is there for it.
_FAILED = {
    "BelongsToItsThread": {"test_lanes_work_side_by_side"},
    "ChecksNothing": {"test_check_fails_where_nothing_can_be_exported"},
    "ClosesOnlyOnce": {"test_closing_is_idempotent"},
    "ExaminesWithItsMouthFull": {"test_damaged_archive_is_refused_or_not_looked_at[empty]"},
    "ExportsToCheck": {"test_check_begins_no_export"},
    "FindsTheWrongJob": {
        "test_earlier_job_is_not_taken_for_a_lost_one",
    },
    "FollowsRedirectsWithItsKey": {"test_redirect_takes_no_key_to_another_server"},
    "ForgetsHowLongToWait": {"test_server_says_how_long_to_wait"},
    "FindsWhatIsGone": {"test_missing_archive_is_not_found"},
    "IgnoresTheValidator": {"test_another_archives_validator_resumes_nothing"},
    "IsAlwaysIdle": {"test_source_with_changes_is_not_idle"},
    "KeepsDeclarationsToItself": {"test_archive_is_what_was_offered"},
    "KeepsWhatJsonCannot": {"test_parameters_are_json"},
    "LetsTheServersErrorsThrough": {"test_unknown_job_is_not_found"},
    "LogsItsKey": {"test_no_secret_is_logged"},
    "PlansAnewEachTime": {"test_plan_is_deterministic"},
    "PlansForStrangers": {"test_requests_are_for_the_sources_own_lanes"},
    "PlansTwice": {"test_plan_names_every_series_once"},
    "PretendsToResume": {"test_resumed_download_begins_where_it_says[validator]"},
    "PutsItsKeyIntoRequests": {"test_no_secret_is_shown"},
    "ReleasesEverything": {"test_released_job_is_gone_and_no_other"},
    "RemembersItsJobs": {"test_job_is_found_by_its_name_alone"},
    "RenamesItsLanes": {"test_lanes_are_stable"},
    "RepeatsItsPost": {"test_submission_whose_answer_is_lost_is_not_repeated"},
    "SeesChangesOnly": {"test_fingerprint_is_that_of_the_content"},
    "SeesNoChange": {"test_fingerprint_changes_with_the_content"},
    "SendsItsKeyToLinks": {"test_link_to_another_server_gets_no_key"},
    "ShowsItsKey": {"test_no_secret_is_shown"},
    "ShowsWhatTheServerSaid": {"test_refused_key_is_refused_for_good_and_shown_to_nobody"},
    "SubmitsTwice": {
        "test_asking_again_gives_the_same_offer",
        "test_lanes_work_side_by_side",
        "test_request_that_was_written_down_is_as_good",
        "test_submit_begins_one_export",
    },
    "SwallowsTruncation": {"test_download_that_broke_off_is_no_archive[cut]"},
    "TakesALostAnswerForNothing": {"test_submission_whose_answer_is_lost_is_not_repeated"},
    "TakesRefusalsForTransient": {"test_refused_key_is_refused_for_good_and_shown_to_nobody"},
    "TriesAgainByItself": {
        "test_server_that_is_down_is_left_to_the_core[503]",
        "test_server_that_is_down_is_left_to_the_core[reset]",
    },
    "WaitsForFailedJobs": {"test_job_that_failed_is_reported_as_failed"},
}


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The failed cases of each source."""
    folder = tmp_path_factory.mktemp("suites")
    settings, report = folder / "pytest.ini", folder / "report.xml"
    settings.write_text("[pytest]\naddopts = --import-mode=importlib\nfilterwarnings = error\n")
    command = [
        sys.executable, "-m", "pytest", "-q", "--tb=no", "--noconftest", "-pno:cacheprovider",
        f"-c{settings}", f"--rootdir={ROOT}", f"--basetemp={folder / 'tmp'}",
        f"--junitxml={report}", str(_HERE / "suites.py"),
    ]  # fmt: skip
    path = os.pathsep.join(filter(None, [*sys.path, str(ROOT)]))
    environment = {**os.environ, "PYTHONPATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    found: dict[str, set[str]] = {}
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - written by pytest just now
        source = case.attrib["classname"].rpartition(".Test")[2]
        found.setdefault(source, set())
        if any(each.tag in {"failure", "error"} for each in case):
            found[source].add(case.attrib["name"])
    return found


@pytest.mark.timeout(300)
def test_contract_fails_each_broken_source_for_its_own_reason(failed: dict[str, set[str]]) -> None:
    sound: set[str] = set()
    assert all(_FAILED.values())
    assert failed == {**_FAILED, "NotebookSource": sound, "WebNotebook": sound}
