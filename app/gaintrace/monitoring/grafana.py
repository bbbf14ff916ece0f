"""Panels and dashboards as the JSON that Grafana reads, laid out on its grid of 24 columns."""

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
    thresholds: list[tuple[float | None, str]] = field(default_factory=lambda: [(None, "green")])
    top: float | None = None
    """Where the axis ends, if fixed."""
    decimals: int | None = None


@dataclass(frozen=True)
class Dashboard:
    """A dashboard: its panels in reading order, and its variables by name with the query that lists their values."""

    name: str
    title: str
    since: str
    panels: list[Panel]
    variables: dict[str, str]

    @property
    def json(self) -> dict[str, Any]:
        """What Grafana imports. The uid is stable, so that links survive."""
        return {
            "uid": f"gaintrace-{self.name}",
            "title": self.title,
            "tags": ["gaintrace"],
            "schemaVersion": 41,
            "editable": True,
            "refresh": "30s",
            "time": {"from": self.since, "to": "now"},
            "templating": {"list": [_source(), *(_variable(*item) for item in self.variables.items())]},
            "panels": _laid_out(self.panels),
        }


def _laid_out(panels: list[Panel]) -> list[dict[str, Any]]:
    placed, x, y, row = [], 0, 0, 0
    for number, panel in enumerate(panels, 1):
        if x + panel.width > COLUMNS:
            x, y, row = 0, y + row, 0
        placed.append(_panel(number, panel, x, y))
        x, row = x + panel.width, max(row, panel.height)
    return placed


def _panel(number: int, panel: Panel, x: int, y: int) -> dict[str, Any]:
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
    if panel.kind == "timeseries":
        defaults["custom"] = {"lineWidth": 2, "fillOpacity": 0, "showPoints": "auto", "spanNulls": True}
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": SOURCE,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height},
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
    return {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}


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
        "current": {"text": "All", "value": "$__all"},
    }
