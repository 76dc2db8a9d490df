"""A connector project on disk: what is in it, and the care taken not to write over anybody's work."""

from __future__ import annotations

import hashlib
import json
import keyword
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import jinja2

from headwater.errors import UsageError
from headwater.generate import markdown
from headwater.generate.view import view
from headwater.model.spec import SourceSpec

__all__ = ["MANIFEST", "configuration", "render", "write"]

MANIFEST = ".headwater.json"  # the hash of each file as it was written: what tells ours from edited ones
CONFIGURATION = "configuration.json"
NAME = re.compile(r"[_a-z][_a-z0-9]*")
TEMPLATES = Path(__file__).parent / "templates"
FILES = (
    "connector.py",
    "api.py",
    "sync.py",
    "models.py",
    "requirements.txt",
    "README.md",
    "DEPLOYMENT.md",
    ".gitignore",
)


def configuration(spec: SourceSpec) -> dict[str, str]:
    """Return the configuration to fill in: every value a text, secrets empty."""
    return dict(view(spec).template)


def render(spec: SourceSpec) -> dict[str, str]:
    """Return the project's files by name, configuration.json with its secrets empty. Raises UsageError for an unfit spec."""
    _check(spec)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=False,  # noqa: S701  (not HTML: every value is made a literal or Markdown by the view)
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["code"] = markdown.code
    environment.filters["text"] = markdown.text
    connector = view(spec)
    files = {name: environment.get_template(f"{name}.jinja").render(connector=connector) for name in FILES}
    return {**files, CONFIGURATION: _json(connector.template)}


def write(
    spec: SourceSpec, into: Path, *, overwrite: bool = False, values: Mapping[str, str] | None = None
) -> tuple[Path, ...]:
    """Write the project of `spec` into folder `into`, which must be empty or not exist; return what was written.

    `values` are put into configuration.json, the one file that may hold a secret: it is readable by its owner only and the
    project's .gitignore names it. With `overwrite` a project written before is written again, unless a file in it was
    edited since. Raises UsageError, and then nothing was changed.
    """
    files = render(spec)
    known = json.loads(files[CONFIGURATION])
    unknown = sorted(set(values or {}) - set(known))
    if unknown:
        raise UsageError(f"{', '.join(unknown)} is not a setting of this connector", where=CONFIGURATION)
    if values:
        files[CONFIGURATION] = _json({**known, **values})
    hashes = {name: _hash(content.encode()) for name, content in sorted(files.items()) if name != CONFIGURATION}
    files[MANIFEST] = _json({"written_by": "headwater new", "files": hashes})
    try:
        _check_folder(into, hashes, overwrite=overwrite)
        into.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            _write(into / name, content.encode(), private=name == CONFIGURATION)
    except OSError as error:
        raise UsageError(
            f"the project cannot be written: {error.strerror}", where=str(into), hint="name another folder with --into"
        ) from error
    return tuple(into / name for name in files)


def _check(spec: SourceSpec) -> None:
    """Refuse what would become code without being a literal: names that are no names."""
    names = {"the connection name": spec.name, **{f"configuration key {key!r}": key for key in spec.secret_keys}}
    names |= {f"table name {endpoint.table.name!r}": endpoint.table.name for endpoint in spec.endpoints}
    for what, name in names.items():
        if not NAME.fullmatch(name):
            raise UsageError(
                f"{what} is not valid", where=repr(name), hint="use a to z, 0 to 9 and _, not a digit first"
            )
    for key in spec.secret_keys:
        if key in {"base_url", "page_size"} or keyword.iskeyword(key) or key.startswith("_"):
            raise UsageError(
                f"the configuration key {key!r} is taken or reserved", where=spec.name, hint="choose another"
            )
    if not spec.endpoints:
        raise UsageError("there is no endpoint to write a connector for", where=spec.name)
    if len({endpoint.table.name for endpoint in spec.endpoints}) < len(spec.endpoints):
        raise UsageError("two endpoints fill a table of one name", where=spec.name, hint="give each its own")


def _check_folder(into: Path, names: Iterable[str], *, overwrite: bool) -> None:
    """Refuse a folder that holds anything but what was written there before and left as it was."""
    if into.exists() and not into.is_dir():
        raise UsageError("there is a file of this name", where=str(into), hint="name another folder with --into")
    if not into.exists() or not any(into.iterdir()):
        return
    written = _written(into)
    if not overwrite or not written:
        raise UsageError(
            "the folder is not empty" + (": a connector was written there before" if written else ""),
            where=str(into),
            hint="name another folder with --into, or move this one away",
        )
    foreign = [name for name in names if (into / name).exists() and _hash_of(into / name) != written.get(name)]
    if foreign:
        raise UsageError(
            f"{', '.join(sorted(foreign))} was edited since it was written",
            where=str(into),
            hint="write into another folder with --into and compare, or move the edited files away",
        )


def _written(into: Path) -> dict[str, str]:
    """Return the hashes of what was written here before, empty if nothing was."""
    try:
        files = json.loads((into / MANIFEST).read_bytes())["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return files if isinstance(files, dict) else {}


def _write(path: Path, content: bytes, *, private: bool) -> None:
    """Write `content` to `path` by way of a new file, so that a link found there is replaced and not followed."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o644), "wb") as file:
        file.write(content)
    fresh.replace(path)


def _hash_of(path: Path) -> str:
    return _hash(path.read_bytes()) if path.is_file() else ""


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _json(content: Mapping[str, object]) -> str:
    return json.dumps(content, indent=2) + "\n"
