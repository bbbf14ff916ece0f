"""Generators of dashboards and alerts, which run when the chart is made and at no run time."""
