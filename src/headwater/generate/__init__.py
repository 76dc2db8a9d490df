"""Layer 2: writes a connector project from a SourceSpec."""

from headwater.generate.project import MANIFEST, configuration, render, write
from headwater.model.spec import connector_name

__all__ = ["MANIFEST", "configuration", "connector_name", "render", "write"]
