"""The saved state: one entry a stream, each marked with the shape that gives its content a meaning.

{"version": 1, "streams": {"cpg_records": {"shape": "token NextToken /cpg_data → cpg_records", "token": "d18a…"}}}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from headwater_runtime.cursor import Saved
from headwater_runtime.errors import require
from headwater_runtime.log import Log

__all__ = ["State"]

VERSION = 1


class State:
    """All streams' saved positions, and the sealed credential `auth`, if any ("").

    Mutable: `put` records what is covered by the rows emitted so far.
    """

    def __init__(self, loaded: Mapping[str, Any]) -> None:
        """Take a state as the platform hands it over. Raises ConfigError for one this runtime did not write."""
        streams = loaded.get("streams", {})
        entries = list(streams.values()) if isinstance(streams, Mapping) else [streams]
        ours = loaded.get("version") == VERSION and all(isinstance(entry, Mapping) for entry in entries)
        what = "the saved state was not written by this connector, or by another version of its runtime"
        hint = "reset the connection (locally: --reset), or restore the state of a sync of this connector"
        require(ours or not loaded, what, "state", hint)
        self.auth = str(loaded.get("auth", ""))
        self._streams: dict[str, dict[str, Any]] = {name: dict(entry) for name, entry in streams.items()}

    def saved(self, stream: str, shape: str, log: Log) -> Saved:
        """Return what `stream` saved, empty if it saved nothing or under another shape.

        Another shape means that the connector was changed so that its old position has no meaning any more. Reading from
        the beginning loses nothing, and rows with a key, or equal rows without one, land on themselves.
        """
        entry = self._streams.get(stream)
        if entry is None:
            return {}
        if entry.get("shape") != shape:
            log.warning(
                f"{stream}: its saved position belongs to another shape of the stream; reading from the beginning"
            )
            return {}
        return {name: value for name, value in entry.items() if name != "shape"}

    def put(self, stream: str, shape: str, saved: Saved) -> None:
        """Record `saved` for `stream`."""
        self._streams[stream] = {"shape": shape, **saved}

    def as_dict(self) -> dict[str, Any]:
        """Return a copy to checkpoint, plain JSON values."""
        whole = {"version": VERSION, **({"auth": self.auth} if self.auth else {}), "streams": self._streams}
        copied: dict[str, Any] = json.loads(json.dumps(whole))
        return copied
