"""Plugins that work: what they offer is found, and where it comes from is known."""

import logging
from collections.abc import Callable

import pytest

from labferry.plugins import Plugin, Plugins, load_plugins
from labferry.sdk import Checked, Receipt, Secret

Install = Callable[..., None]
Load = Callable[[], Plugins]

RECEIPT = Receipt("nas", "archive-1", "a/b.zip", 7, Checked.SIZE)
SINKS = "@hookimpl\ndef labferry_sinks(): return [Folder]\n"
SOURCES = "@hookimpl\ndef labferry_sources(): return (Notebook,)\n"
OBSERVERS = "@hookimpl\ndef labferry_observers(): return [Bell]\n"
OBSERVER = """
    seen = []

    @hookimpl
    def labferry_archive_stored(receipt):
        seen.append(receipt)
        print({name!r}, receipt.archive_id)
"""


def test_nothing_installed_offers_nothing(load: Load) -> None:
    plugins = load()
    assert (list(plugins.found), plugins.sinks, plugins.sources) == ([], {}, {})
    assert plugins.observers == {}
    assert list(plugins.broken) == []


def test_offered_classes_are_found_by_type(install: Install, load: Load) -> None:
    install("acme-ferry", SINKS + SOURCES + OBSERVERS, version="2.5")
    plugins = load()
    assert {kind: found.__name__ for kind, found in plugins.sinks.items()} == {"folder": "Folder"}
    assert {kind: found.__name__ for kind, found in plugins.sources.items()} == {
        "notebook": "Notebook"
    }
    assert list(plugins.found) == [
        Plugin(
            *("acme_ferry", "acme-ferry", "2.5"),
            sinks=("folder",),
            sources=("notebook",),
            observers=("bell",),
        )
    ]
    assert plugins.observers["bell"].__name__ == "Bell"


def test_title_names_distribution_and_version(install: Install, load: Load) -> None:
    install("acme-ferry", SINKS, version="2.5")
    assert load().found[0].title == "acme_ferry (acme-ferry 2.5)"


def test_plugins_are_listed_by_name(install: Install, load: Load) -> None:
    for name in ("zebra", "ant", "mouse"):
        install(name, OBSERVER.format(name=name))
    assert [plugin.name for plugin in load().found] == ["ant", "mouse", "zebra"]


def test_hook_may_have_another_name_in_the_module(install: Install, load: Load) -> None:
    install("acme", "@hookimpl(specname='labferry_sinks')\ndef offered(): return [Folder]\n")
    assert list(load().sinks) == ["folder"]


def test_plugin_may_be_an_object_of_a_module(install: Install, load: Load) -> None:
    code = """
        class Plugin:
            @hookimpl
            def labferry_sinks(self): return [Folder]

            @hookimpl
            def labferry_archive_stored(self, receipt): print(receipt.key)

        plugin = Plugin()
    """
    install("acme", code, points="acme = acme:plugin")
    assert list(load().sinks) == ["folder"]


def test_two_entry_points_of_one_name_are_told_apart(install: Install, load: Load) -> None:
    install("acme", OBSERVER.format(name="acme"), points="notify = acme")
    install("other", OBSERVER.format(name="other"), points="notify = other")
    plugins = load()
    assert [plugin.title for plugin in plugins.found] == ["notify (acme 1.0)", "notify (other 1.0)"]
    assert list(plugins.broken) == []


def test_every_observer_is_told(
    install: Install, load: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    install("one", OBSERVER.format(name="one"))
    install("two", OBSERVER.format(name="two"))
    load().hooks.labferry_archive_stored(receipt=RECEIPT)
    assert sorted(capsys.readouterr().out.splitlines()) == ["one archive-1", "two archive-1"]


def test_observer_may_take_fewer_arguments(
    install: Install, load: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    install("one", "@hookimpl\ndef labferry_archive_stored(): print('told')\n")
    load().hooks.labferry_archive_stored(receipt=RECEIPT)
    assert capsys.readouterr().out == "told\n"


@pytest.mark.parametrize(("failing", "well"), [("ant", "zebra"), ("zebra", "ant")])
def test_failing_observer_is_named_and_does_not_silence_others(
    failing: str,
    well: str,
    install: Install,
    load: Load,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    secret = Secret.plain("h3artbeat-t0ken").reveal()
    body = f"raise RuntimeError('no answer from https://ping.example.org/{secret}')"
    install(failing, f"@hookimpl\ndef labferry_archive_stored(receipt): {body}\n", version="3")
    install(well, OBSERVER.format(name=well))
    with caplog.at_level(logging.WARNING):
        load().hooks.labferry_archive_stored(receipt=RECEIPT)
    assert capsys.readouterr().out == f"{well} archive-1\n"
    (message,) = caplog.messages
    assert message == (
        f"The observer {failing} ({failing} 3) failed in labferry_archive_stored: "
        "RuntimeError: no answer from https://ping.example.org/***"
    )


def test_error_of_our_own_tree_is_told_in_its_own_words(
    install: Install, load: Load, caplog: pytest.LogCaptureFixture
) -> None:
    body = "raise TransientError('The monitor is away.')"
    code = f"@hookimpl\ndef labferry_archive_stored(receipt): {body}\n"
    install("one", "from labferry.sdk import TransientError\n" + code)
    with caplog.at_level(logging.WARNING):
        load().hooks.labferry_archive_stored(receipt=RECEIPT)
    assert caplog.messages == [
        "The observer one (one 1.0) failed in labferry_archive_stored: The monitor is away."
    ]


def test_class_of_observers_is_told_nothing_before_it_is_configured(
    install: Install, load: Load
) -> None:
    install("one", OBSERVERS)
    plugins = load()
    assert list(plugins.observers) == ["bell"]
    assert plugins.hooks.labferry_run_finished.get_hookimpls() == []


def test_built_in_plugins_are_found_like_any_other() -> None:
    plugins = load_plugins()
    ours = {plugin.name: plugin for plugin in plugins.found if plugin.distribution == "labferry"}
    assert ours["local"].sinks == ("local",)
    assert ours["rspace"].sources == ("rspace", "rspace-inventory")
    assert ours["elabftw"].sources == ("elabftw",)
    assert ours["notify"].observers == ("heartbeat", "prometheus", "apprise")
    assert not [plugin.problem for plugin in ours.values() if plugin.problem]
