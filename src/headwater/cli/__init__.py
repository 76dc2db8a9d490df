"""Layer 4: the command line. Parses, calls an action, renders its report. No logic."""

from headwater.cli.app import main

__all__ = ["main"]
