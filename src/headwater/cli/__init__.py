"""Layer 4: the command line. Parses, calls an action, renders its report. No logic."""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line of this process. Ctrl-C while it still starts is no more than an exit."""
    try:
        from headwater.cli.app import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)
