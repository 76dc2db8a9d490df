"""tree_hash: which connector a proof is about, down to the last byte."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

__all__ = ["tree_hash"]

# Made by running or proving, or holding credentials: none of it is the connector.
LEFT_OUT = frozenset({"files", "__pycache__", "crash-reports", "PROOF.md", "configuration.json"})


def tree_hash(project: Path) -> str:
    """Return the SHA-256 over the project's files, names and contents, in the order of their paths."""
    digest = sha256()
    for path in sorted(project.rglob("*")):
        parts = path.relative_to(project).parts
        if path.is_file() and not any(part in LEFT_OUT or part.startswith(".") for part in parts):
            content = path.read_bytes()
            digest.update(f"{'/'.join(parts)}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()
