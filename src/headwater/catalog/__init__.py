"""The connectors and simulators that come with Headwater."""

from headwater.catalog.folders import connectors, simulator, simulators

__all__ = ["connectors", "simulator", "simulators"]
