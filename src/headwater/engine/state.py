"""The state file: read with errors that help, written so that it is either the old or the new one, never half."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater.errors import StateError

__all__ = ["StateFile"]


@dataclass(frozen=True)
class StateFile:
    """A JSON file that holds the state of the last checkpoint, as the SDK's runner keeps it in `files/state.json`."""

    path: Path

    def read(self) -> dict[str, Any]:
        """Return the state, empty if there is no file yet. Raises StateError."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError) as error:
            raise StateError(
                "the state file cannot be read", where=str(self.path), hint="check its permissions and its encoding"
            ) from error
        try:
            state = json.loads(text) if text.strip() else {}
        except ValueError as error:
            raise StateError(
                f"the state file is not JSON: {error}",
                where=str(self.path),
                hint="correct it, or start anew with --reset",
            ) from error
        if state is None:
            return {}
        if not isinstance(state, dict):
            raise StateError(
                f"the state file holds {type(state).__name__}, not an object",
                where=str(self.path),
                hint="correct it, or start anew with --reset",
            )
        return state

    def write(self, state: Mapping[str, Any]) -> None:
        """Replace the file by one that holds `state`; it is on disk when this returns. Raises StateError."""
        temporary = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=".state-", suffix=".json")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(state, file, separators=(",", ":"))
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(self.path)
        except OSError as error:
            if temporary is not None:
                with suppress(OSError):
                    Path(temporary).unlink()
            raise StateError(
                f"the state file cannot be written: {error.strerror}",
                where=str(self.path),
                hint="check the folder's permissions and the free space; the last checkpoint's rows are saved",
            ) from error

    def remove(self) -> None:
        """Forget the state. Raises StateError."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise StateError(
                "the state file cannot be removed", where=str(self.path), hint="check the folder's permissions"
            ) from error
