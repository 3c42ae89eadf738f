"""Plugins that can't be used: each is named with its distribution, its version and the reason."""

from collections.abc import Callable

import pytest

from labferry.plugins import Plugins

Install = Callable[..., None]
Load = Callable[[], Plugins]

SINKS = "@hookimpl\ndef labferry_sinks(): return [Folder]\n"
SOURCES = "@hookimpl\ndef labferry_sources(): return (Notebook,)\n"
OBSERVERS = "@hookimpl\ndef labferry_observers(): return [Bell]\n"
ALL = (
    "labferry_archive_stored, labferry_observers, labferry_run_finished, labferry_run_started, "
    "labferry_sinks, labferry_sources"
)
TOLD = "labferry_archive_stored, labferry_run_finished, labferry_run_started"
NO_HOOK = f"which is no hook of labferry (the hooks are {ALL})."


def hook(name: str, returned: str) -> str:
    return f"@hookimpl\ndef {name}(): return {returned}\n"


CASES = {
    "missing-import": (
        "import no_such_package",
        "ModuleNotFoundError: No module named 'no_such_package'.",
    ),
    "error-without-words": ("raise RuntimeError", "RuntimeError."),
    "value-error-of-a-stranger": ("raise ValueError('bad')", "ValueError: bad."),
    "several-lines": ("raise OSError('one.\\n  two.\\n')", "OSError: one. two."),
    "exits": ("raise SystemExit(3)", "SystemExit: 3."),
    "misspelt-hook": (
        "@hookimpl\ndef labferry_snks(): return []\n",
        f"it implements labferry_snks, {NO_HOOK}",
    ),
    "misspelt-hooks": (
        SINKS + "@hookimpl\ndef labferry_b(): ...\n@hookimpl\ndef labferry_a(): ...\n",
        f"it implements labferry_a, labferry_b, {NO_HOOK}",
    ),
    "unmarked-hook": (
        "def labferry_sinks(): return [Folder]\n",
        "its labferry_sinks is not marked with labferry.sdk.hookimpl.",
    ),
    "no-hook": ("", f"it implements no hook (the hooks are {ALL})."),
    "hook-raises": (
        "@hookimpl\ndef labferry_sinks(): raise LookupError('no licence')\n",
        "LookupError: no licence.",
    ),
    "hook-with-arguments": (
        "@hookimpl\ndef labferry_sinks(config): return []\n",
        "TypeError: labferry_sinks() missing 1 required positional argument: 'config'.",
    ),
    "nothing-returned": (
        hook("labferry_sinks", "None"),
        "its labferry_sinks returned None, not a sequence of classes.",
    ),
    "word-returned": (
        hook("labferry_sources", "'Notebook'"),
        "its labferry_sources returned 'Notebook', not a sequence of classes.",
    ),
    "class-returned-bare": (
        hook("labferry_sinks", "Folder"),
        "its labferry_sinks returned <class 'broken.Folder'>, not a sequence of classes.",
    ),
    "no-class": (
        hook("labferry_sinks", "[42]"),
        "its labferry_sinks returned 42, which is no subclass of Sink.",
    ),
    "other-class": (
        hook("labferry_sinks", "[Folder, int]"),
        "its labferry_sinks returned <class 'int'>, which is no subclass of Sink.",
    ),
    "source-among-the-sinks": (
        hook("labferry_sinks", "[Notebook]"),
        "its labferry_sinks returned <class 'broken.Notebook'>, which is no subclass of Sink.",
    ),
    "sink-among-the-sources": (
        hook("labferry_sources", "[Folder]"),
        "its labferry_sources returned <class 'broken.Folder'>, which is no subclass of Source.",
    ),
    "no-type": (
        "del Folder.type\n" + SINKS,
        "its class Folder has no type, the word for the configuration.",
    ),
    "empty-type": (
        "Folder.type = ''\n" + SINKS,
        "its class Folder has no type, the word for the configuration.",
    ),
    "no-settings": (
        "del Folder.Settings\n" + SINKS,
        "its class Folder has no Settings that is a subclass of SinkSettings.",
    ),
    "settings-of-another-kind": (
        "Notebook.Settings = SinkSettings\n" + SOURCES,
        "its class Notebook has no Settings that is a subclass of SourceSettings.",
    ),
    "methods-missing": (
        "class Half(Sink[SinkSettings]):\n    type = 'half'\n    Settings = SinkSettings\n"
        "    def store(self, archive, manifest, checkpoint): ...\n"
        "    def list(self): ...\n" + hook("labferry_sinks", "[Half]"),
        "its class Half lacks check, delete, open.",
    ),
    "no-observer": (
        hook("labferry_observers", "[Folder]"),
        (
            "its labferry_observers returned <class 'broken.Folder'>, "
            "which is no subclass of Observer."
        ),
    ),
    "observer-with-settings-of-a-destination": (
        "Bell.Settings = SinkSettings\n" + OBSERVERS,
        "its class Bell has no Settings that is a subclass of ObserverSettings.",
    ),
    "observer-that-listens-to-nothing": (
        "del Bell.labferry_run_finished\n" + OBSERVERS,
        f"its class Bell is no observer: it implements no hook (the hooks are {TOLD}).",
    ),
    "observer-with-a-misspelt-hook": (
        "Bell.labferry_run_ended = Bell.labferry_run_finished\n" + OBSERVERS,
        (
            "its class Bell is no observer: it implements labferry_run_ended, "
            f"which is no hook of labferry (the hooks are {TOLD})."
        ),
    ),
    "observer-with-an-unmarked-hook": (
        "Bell.labferry_run_started = lambda self, run: None\n" + OBSERVERS,
        (
            "its class Bell is no observer: "
            "its labferry_run_started is not marked with labferry.sdk.hookimpl."
        ),
    ),
    "observer-that-offers-destinations": (
        "Bell.labferry_sinks = hookimpl(lambda self: [])\n" + OBSERVERS,
        (
            "its class Bell is no observer: it implements labferry_sinks, "
            f"which is no hook of labferry (the hooks are {TOLD})."
        ),
    ),
    "type-twice-in-one-plugin": (
        hook("labferry_sinks", "[Folder, Folder]"),
        "its labferry_sinks returned the type 'folder' twice.",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_problem_names_plugin_distribution_version_and_reason(
    case: str, install: Install, load: Load
) -> None:
    code, reason = CASES[case]
    install("broken", code, version="0.9")
    assert list(load().broken) == [f"Plugin broken (broken 0.9) can't be used: {reason}"]


@pytest.mark.parametrize("case", CASES)
def test_nothing_of_a_broken_plugin_is_used_and_the_others_are(
    case: str, install: Install, load: Load
) -> None:
    install("broken", CASES[case][0])
    install("well", "Folder.type = 'well'\n" + SINKS)
    plugins = load()
    assert (list(plugins.sinks), list(plugins.sources)) == (["well"], [])
    assert [plugin.name for plugin in plugins.found if plugin.problem] == ["broken"]


def test_missing_object_is_named(install: Install, load: Load) -> None:
    install("broken", points="broken = broken:plugin")
    (problem,) = load().broken
    assert problem == (
        "Plugin broken (broken 1.0) can't be used: "
        "AttributeError: module 'broken' has no attribute 'plugin'."
    )


def test_file_that_is_no_python_is_named(install: Install, load: Load) -> None:
    install("broken", "def (")
    (problem,) = load().broken
    assert problem.startswith("Plugin broken (broken 1.0) can't be used: SyntaxError: ")
    assert "broken.py" in problem


def test_observer_with_a_misspelt_argument_is_refused_whole(install: Install, load: Load) -> None:
    install("broken", SINKS + "@hookimpl\ndef labferry_run_finished(reprot): ...\n")
    plugins = load()
    (problem,) = plugins.broken
    assert problem.startswith("Plugin broken (broken 1.0) can't be used: PluginValidationError: ")
    assert "{'reprot'}" in problem
    assert plugins.sinks == {}
    assert plugins.hooks.labferry_run_finished.get_hookimpls() == []


def test_configured_observer_with_a_misspelt_argument_is_refused(
    install: Install, load: Load
) -> None:
    code = """\
        class Chime(Bell):
            @hookimpl
            def labferry_run_finished(self, reprot): ...

        @hookimpl
        def labferry_observers(): return [Chime]
    """
    install("broken", code)
    plugins = load()
    (problem,) = plugins.broken
    assert "its class Chime is no observer: " in problem
    assert "{'reprot'}" in problem
    assert plugins.observers == {}


@pytest.mark.parametrize(
    ("code", "word"),
    [(SINKS, "destination"), (SOURCES, "source"), (OBSERVERS, "observer")],
)
def test_type_offered_twice_names_both_plugins(
    code: str, word: str, install: Install, load: Load
) -> None:
    install("first", code, version="1.1")
    install("second", code, version="2.2")
    plugins = load()
    (kind,) = [*plugins.sinks, *plugins.sources, *plugins.observers]
    (problem,) = plugins.broken
    assert problem == (
        "Plugin second (second 2.2) can't be used: "
        f"first (first 1.1) already offers the {word} type '{kind}'."
    )


def test_labferrys_own_types_come_before_those_of_all_others(install: Install, load: Load) -> None:
    install("labferry", SINKS, points="z = labferry_", version="0.1")
    install("aaa", SINKS)
    plugins = load()
    assert [kind.__module__ for kind in plugins.sinks.values()] == ["labferry_"]
    assert plugins.clashes == {
        ("destinations", "folder"): "z (labferry 0.1) and aaa (aaa 1.0) both offer it. "
        "Uninstall one: pip uninstall aaa"
    }


def test_plugin_with_one_type_taken_offers_none_of_its_others(install: Install, load: Load) -> None:
    install("first", SOURCES)
    install("second", SINKS + SOURCES)
    plugins = load()
    assert plugins.sinks == {}
    assert [plugin.sinks for plugin in plugins.found] == [(), ()]


def test_type_of_a_broken_plugin_is_free_for_another(install: Install, load: Load) -> None:
    install("first", SINKS + "@hookimpl\ndef labferry_oops(): ...\n")
    install("second", SINKS)
    assert [kind.__module__ for kind in load().sinks.values()] == ["second"]


def test_sink_and_source_may_share_a_word(install: Install, load: Load) -> None:
    install("first", SINKS)
    install("second", "Notebook.type = 'folder'\n" + SOURCES)
    assert list(load().broken) == []


def test_module_named_by_two_entry_points_is_used_once(install: Install, load: Load) -> None:
    code = "@hookimpl\ndef labferry_run_finished(report): ...\n"
    install("first", code, points="a = first\nb = first")
    plugins = load()
    assert list(plugins.broken) == [
        "Plugin b (first 1.0) can't be used: a (first 1.0) is the same plugin."
    ]
    assert len(plugins.hooks.labferry_run_finished.get_hookimpls()) == 1


def test_leftover_of_an_uninstalled_distribution_is_listed(install: Install, load: Load) -> None:
    install("gone", "import no_such_package", metadata=False)
    install("well", SINKS)
    plugins = load()
    assert [plugin.title for plugin in plugins.found] == [
        "gone (unknown unknown)",
        "well (well 1.0)",
    ]
    assert list(plugins.sinks) == ["folder"]


def test_interrupt_while_loading_is_passed_on(install: Install, load: Load) -> None:
    install("slow", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load()
