"""What the last full run of the benchmarks found, as it wrote it with `--json`."""

import json
from pathlib import Path
from typing import Any

from from_code.curves import drawn

_FILE = Path(__file__).parents[1] / "explanation" / "performance.json"
_UNITS = {"x": " \N{MULTIPLICATION SIGN}"}
_LARGE = 100


def table() -> str:
    """A table of all goals and figures."""
    rows = ["| what | goal | measured | met | behind it |", "|---|---|---|---|---|"]
    for row in _run()["rows"]:
        unit = _UNITS.get(row["unit"], f" {row['unit']}")
        met = "yes" if row["value"] <= row["goal"] else "**no**"
        figures = f"≤ {row['goal']:g}{unit} | {_short(row['value'])}{unit} | {met}"
        rows.append(f"| {row['what']} | {figures} | {row['detail']} |")
    return "\n".join(rows)


def machine() -> str:
    """Where and when it ran, and what labferry was compared with."""
    run = _run()
    on = run["machine"]
    beside = ", ".join(f"{name} {release}" for name, release in run["beside"].items())
    return (
        f"Measured on {run['measured']} with {run['scale']:.0%} of the goals' sizes in "
        f"{run['rounds']} rounds: {on['cores']} cores, {on['memory'] / 2**30:.0f} GiB of memory, "
        f"{on['system']} on {on['processor']}, Python {on['python']}. Beside {beside}, and curl, "
        "sftp, cp, nginx, sshd and Ceph as the system has them."
    )


def growth() -> str:
    """A chart for each thing that the cost of a sync grows with, and its figures."""
    return "\n\n".join(_chart(curve) for curve in _run()["curves"])


def _chart(curve: dict[str, Any]) -> str:
    picture = drawn(f"Cost of a sync by {curve['what']}", curve["points"])
    head = " | ".join(f"{point['at']:g}" for point in curve["points"])
    rows = [f"| {curve['what']} | {head} |", "|---" * (len(curve["points"]) + 1) + "|"]
    for name, key in (("seconds", "seconds"), ("seconds of the processor", "cpu")):
        figures = " | ".join(_short(point[key]) for point in curve["points"])
        rows.append(f"| {name} | {figures} |")
    caption = f"By {curve['what']}: {curve['fixed']}."
    return "\n".join([caption, "", "```{raw} html", picture, "```", "", *rows])


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= _LARGE else f"{value:.2f}"


def _run() -> dict[str, Any]:
    run: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return run
