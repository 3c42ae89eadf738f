"""A Sphinx extension: parts of the reference that are made from the code itself.

In a page, a `from-code` directive names what is to stand there: ``{from-code} source rspace``.
"""

from collections.abc import Callable, Mapping
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from typing_extensions import override

from from_code import benchmarks, commands, documents, errors, metrics, packages, tables

__all__ = ["setup"]

_PARTS: Mapping[str, Callable[..., str]] = {
    "benchmark-growth": benchmarks.growth,
    "benchmark-machine": benchmarks.machine,
    "benchmark-table": benchmarks.table,
    "command": commands.command,
    "commands": commands.commands,
    "errors": errors.errors,
    "fields": tables.fields,
    "file-keys": tables.file_keys,
    "manifest-schema": documents.manifest_schema,
    "metrics": metrics.metrics,
    "output-schema": documents.output_schema,
    "observers": tables.observers,
    "plugin-api": packages.plugin_api,
    "sinks": tables.sinks,
    "sources": tables.sources,
    "source-tour": packages.source_tour,
}


class _FromCode(SphinxDirective):
    """One part, by its name and arguments."""

    required_arguments = 1
    optional_arguments = 2

    @override
    def run(self) -> list[nodes.Node]:
        name, *arguments = self.arguments
        markdown = _PARTS[name](*arguments)
        return self.parse_text_to_nodes(markdown, allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("from-code", _FromCode)
    return {"parallel_read_safe": True}
