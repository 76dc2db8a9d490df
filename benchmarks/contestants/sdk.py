"""The SDK's own runner, called as `fivetran debug` calls it.

Without that command's check of requirements, which runs `pipreqs` and may ask a package index: it says nothing about moving rows.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

from benchmarks.contestants.timed import job, measured


def main() -> None:
    """Run one sync from nothing into `files/warehouse.db`."""
    wanted = job()
    from fivetran_connector_sdk import Logging
    from fivetran_connector_sdk_cli import core_adapter
    from fivetran_connector_sdk_common import constants

    from headwater import engine

    constants.DEBUGGING, Logging.LOG_LEVEL = True, Logging.Level.INFO
    with (
        measured("fivetran_connector_sdk", "fivetran-connector-sdk-core", "requests"),
        contextlib.redirect_stdout(io.StringIO()),
        engine.load(Path(wanted["connector"])).active() as connector,
    ):
        core_adapter.run(connector, str(Path.cwd()), wanted["configuration"], {})


if __name__ == "__main__":
    main()
