"""What must be known of an Avro schema before data is read with it."""

from __future__ import annotations

from typing import Any

__all__ = ["Shape", "shape_of"]

PLAIN = frozenset({"boolean", "int", "long", "float", "double", "bytes", "string"})


class Shape:
    """`plain` is the schema with UUIDs as texts, `recursive` whether a record may hold itself.

    Raises ValueError for a schema with which a file of any size can hold any number of values: lists, or records, that take
    no bytes.
    """

    def __init__(self, schema: Any) -> None:
        self.recursive = False
        self._weightless: dict[str, bool | None] = {}
        self.plain, weightless = self._walk(schema, "")
        if weightless:
            raise ValueError("its records take no bytes: a file of any size can hold any number of them")

    def _walk(self, schema: Any, space: str) -> tuple[Any, bool]:
        """Return the plain schema, and whether its values take no bytes."""
        if isinstance(schema, str):
            return schema, self._named(schema, space)
        if isinstance(schema, list):  # a union begins with the number of its branch
            return [self._walk(branch, space)[0] for branch in schema], False
        kind = schema["type"]
        if kind in {"record", "error"}:
            return self._record(schema, space)
        if kind in {"enum", "fixed"}:
            self._weightless[_full(schema, space)] = kind == "fixed" and schema["size"] == 0
            return schema, kind == "fixed" and schema["size"] == 0
        if kind in {"array", "map"}:
            within = "items" if kind == "array" else "values"
            items, weightless = self._walk(schema[within], space)
            if weightless and kind == "array":
                raise ValueError("it has lists of what takes no bytes: a file of any size can hold any number of it")
            return {**schema, within: items}, False
        if isinstance(kind, (dict, list)):
            made, weightless = self._walk(kind, space)
            return {**schema, "type": made}, weightless
        if schema.get("logicalType") == "uuid" and kind == "string":
            return "string", False
        return schema, self._named(kind, space)

    def _named(self, name: str, space: str) -> bool:
        if name in PLAIN:
            return False
        if name == "null":
            return True
        full = name if "." in name or not space else f"{space}.{name}"
        known = self._weightless.get(full, self._weightless.get(name, False))
        if known is None:  # it is being defined right now
            self.recursive = True
            return False
        return known

    def _record(self, schema: Any, space: str) -> tuple[Any, bool]:
        full = _full(schema, space)
        self._weightless[full] = None
        inner = full.rpartition(".")[0]
        fields, weightless = [], True
        for one in schema["fields"]:
            made, light = self._walk(one["type"], inner)
            fields.append({**one, "type": made})
            weightless &= light
        self._weightless[full] = weightless
        return {**schema, "fields": fields}, weightless


def shape_of(schema: Any) -> Shape:
    """Return the shape of a record's schema. Raises ValueError for anything else."""
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise ValueError("it holds values that are no records")
    return Shape(schema)


def _full(schema: Any, space: str) -> str:
    name, given = str(schema["name"]), str(schema.get("namespace", space))
    return name if "." in name or not given else f"{given}.{name}"
