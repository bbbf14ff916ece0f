"""Panels and dashboards as the JSON that Grafana reads, laid out on its grid of 24 columns.

What `@…@` stands for, the chart fills in, so that the dashboards of two releases have uids and titles of their own.
"""

from dataclasses import dataclass, field
from typing import Any

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS = 24
HEIGHT = 8


@dataclass(frozen=True)
class Panel:
    """One panel: what it shows, its queries as (expression, legend), and Grafana's name of its unit."""

    title: str
    description: str
    unit: str
    queries: list[tuple[str, str]]
    kind: str = "timeseries"
    width: int = 8
    height: int = HEIGHT
    thresholds: list[tuple[float | str | None, str]] = field(default_factory=lambda: [(None, "green")])
    top: float | None = None
    """Where the axis ends, if fixed."""
    decimals: int | None = None
    empty: str = ""
    """What stands there where there is nothing, which is good or can be mended."""
    stacked: bool = False
    step: str = "1m"
    """The finest step in time that it asks for."""


def row(title: str) -> Panel:
    """A heading over the panels that follow."""
    return Panel(title, "", "", [], "row", COLUMNS, 1)


@dataclass(frozen=True)
class Dashboard:
    """A dashboard: its panels in reading order, and its variables by name with the query that lists their values."""

    name: str
    title: str
    since: str
    panels: list[Panel]
    variables: dict[str, str]
    extra: tuple[dict[str, Any], ...] = ()
    """Variables that are not asked of Prometheus."""

    @property
    def json(self) -> dict[str, Any]:
        """What Grafana imports. The uid is stable, so that links survive, and has at most the 40 characters allowed."""
        variables = [_source(), *(_variable(*item) for item in self.variables.items()), *self.extra]
        return {
            "uid": f"gaintrace-{self.name}-@releaseId@",
            "title": f"gaintrace: {self.title} (@namespace@/@release@)",
            "tags": ["gaintrace"],
            "schemaVersion": 41,
            "editable": True,
            "refresh": "1m",
            "time": {"from": self.since, "to": "now"},
            "templating": {"list": variables},
            "panels": _laid_out(self.panels),
        }


def choice(name: str, label: str, values: str, chosen: str) -> dict[str, Any]:
    """A variable with a few values, separated by commas."""
    return {"name": name, "label": label, "type": "custom", "query": values, "current": _current(chosen)}


def text(name: str, label: str, value: str) -> dict[str, Any]:
    """A variable that is typed in."""
    return {"name": name, "label": label, "type": "textbox", "query": value, "current": _current(value)}


def _current(value: str | list[str]) -> dict[str, Any]:
    return {"text": value, "value": value}


def _laid_out(panels: list[Panel]) -> list[dict[str, Any]]:
    placed, x, y, high = [], 0, 0, 0
    for number, panel in enumerate(panels, 1):
        if x + panel.width > COLUMNS:
            x, y, high = 0, y + high, 0
        at = {"x": x, "y": y, "w": panel.width, "h": panel.height}
        placed.append({"id": number, "type": panel.kind, "title": panel.title, "gridPos": at} | _content(panel))
        x, high = x + panel.width, max(high, panel.height)
    return placed


def _content(panel: Panel) -> dict[str, Any]:
    if panel.kind == "row":
        return {"collapsed": False, "panels": []}
    defaults: dict[str, Any] = {
        "unit": panel.unit,
        "thresholds": {
            "mode": "absolute",
            "steps": [{"value": value, "color": color} for value, color in panel.thresholds],
        },
    }
    if panel.top is not None:
        defaults |= {"min": 0, "max": panel.top}
    if panel.decimals is not None:
        defaults["decimals"] = panel.decimals
    if panel.empty:
        defaults["noValue"] = panel.empty
    if panel.kind == "timeseries":
        fill = (
            {"fillOpacity": 25, "stacking": {"mode": "normal", "group": "A"}} if panel.stacked else {"fillOpacity": 0}
        )
        defaults["custom"] = {"lineWidth": 2, "showPoints": "auto", "spanNulls": True} | fill
    return {
        "description": panel.description,
        "datasource": SOURCE,
        # Coarse enough that a month of a thousand pods can be asked for.
        "interval": panel.step,
        "maxDataPoints": 120,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": _options(panel),
        "targets": [
            {
                "refId": chr(ord("A") + position),
                "datasource": SOURCE,
                "expr": expression,
                "legendFormat": legend,
                "instant": panel.kind != "timeseries",
                "range": panel.kind == "timeseries",
            }
            for position, (expression, legend) in enumerate(panel.queries)
        ],
    }


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "timeseries":
        return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
    how = {"orientation": "horizontal", "displayMode": "basic"} if panel.kind == "bargauge" else {}
    return {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}} | how


def _source() -> dict[str, Any]:
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}


def _variable(name: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": "variable"},
        "definition": query,
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",  # also what has no such label
        "current": _current(["@namespace@"] if name == "namespace" else ["$__all"]),
    }
