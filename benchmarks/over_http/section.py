"""The section on `http`, of the parts asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from benchmarks.over_http.cost import cost_section, costs
from benchmarks.over_http.growth import growth, growth_section
from benchmarks.over_http.stage import Plan
from benchmarks.over_http.waiting import aheads, flight_section, flights, prefetch_section
from benchmarks.report import machine

__all__ = ["PARTS", "http_section"]

PARTS: Mapping[str, Callable[[Plan], str]] = {
    "cost": lambda plan: cost_section(costs(plan), plan),
    "memory": lambda plan: growth_section(growth(plan), plan),
    "flight": lambda plan: flight_section(flights(plan), plan),
    "prefetch": lambda plan: prefetch_section(aheads(plan), plan),
}


def http_section(plan: Plan, parts: Collection[str]) -> str:
    """Measure the parts, one after the other, and return the section."""
    return "\n\n".join([f"{machine()}.", *(measure(plan) for name, measure in PARTS.items() if name in parts)])
