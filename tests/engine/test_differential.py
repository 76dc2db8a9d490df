"""The same connectors on this engine and on the SDK's own runner: same tables, types, rows, counts and state."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from .harness import Operation, Sync, boom, clear, compared, mod, ok, rm, row, table, up

KEYED = [table("t", "id")]
KEYLESS = [table("t")]
DECIMAL = {"type": "DECIMAL", "precision": 10, "scale": 2}

TEXTS = [
    "true", "T", "0", "-0", "-007", "007", "+1", "9223372036854775807", "9223372036854775808", "1.5", "+1.5", ".5", "5.",
    "1.e5", "1e5", "1.5e400", "NaN", "nan", "Infinity", "-Infinity", "-0.0", "1.0e-320", "2024-01-01", "2024-02-30",
    "0000-02-29", "2024-01-01T10:00", "2024-01-01 10:00:00.123456789", "2024-01-01t10:00:00", "2024-01-01T10:00:00Z",
    "2024-01-01T10:00:00.5+05:30", "2024-01-01T10:00:00+24:00", "2024-01-01T10:00:00+02:60", "2024-01-01 10:00:00Z",
    "2024-01-01T24:00:00", "12:30", "", " ", "plain", "a\0b", "é\n\"'\\", "{}", "NULL",
]  # fmt: skip
VALUES = [
    True, 0, -5, 2**31, 2**63 - 1, -(2**63) + 1, 2**63, 10**30, 0.1, -0.0, 1e39, 1e-50, 213.77, 1e10,
    b"", b"\x00\xff", {}, {"b": 1, "a": [None, 1.5, "é"]}, [1], (1, 2), None,
]  # fmt: skip
KINDS = {
    "boolean": "true", "integer": 5, "integer text": "12", "float": 213.77, "real text": "2.50", "date": "2024-01-01",
    "timestamp": "2024-01-01T01:00", "moment": "2024-01-01T01:00:00.120+02:00", "text": "abc", "json": {"a": 1},
    "bytes": b"xy", "empty": "", "null": None, "infinity": float("inf"), "nan": float("nan"), "big": 2**63,
}  # fmt: skip

DECLARED = table(
    "t", "id", id="LONG", b="BOOLEAN", s="SHORT", i="INT", f="FLOAT", d="DOUBLE", n=DECIMAL, day="NAIVE_DATE",
    at="NAIVE_DATETIME", utc="UTC_DATETIME", raw="BINARY", x="XML", text="STRING", j="JSON", unused="DOUBLE",
)  # fmt: skip


def sync(declared: list[dict], *operations: Operation) -> Sync:
    return Sync(declared, operations)


def every_pair(*, checkpoint: bool) -> list[Operation]:
    """One column for every pair of kinds of value, the two in this order."""
    names = list(KINDS)
    operations = []
    for number in range(2):
        values = {}
        for one in names:
            for other in names:
                values[f"{one} {other}"] = KINDS[(one, other)[number]]
        operations.append(row("t", {"id": number, **values}))
        if checkpoint:
            operations.append(ok())
    return operations


def in_threads(*operations: Operation) -> Callable[[], None]:
    """Operations that do not touch each other's rows, from threads at once."""

    def call() -> None:
        with ThreadPoolExecutor(8) as threads:
            for future in [threads.submit(operation) for operation in operations]:
                future.result()

    return call


CASES: dict[str, list[Sync]] = {
    "inferred texts": [sync(KEYED, row("t", {"id": 1, **{f"c_{n}x": v for n, v in enumerate(TEXTS)}}), ok(a=1))],
    "inferred values": [sync(KEYED, row("t", {"id": 1, **{f"c_{n}x": v for n, v in enumerate(VALUES)}}), ok(a=1))],
    "pairs of kinds in one checkpoint": [sync(KEYED, *every_pair(checkpoint=False))],
    "pairs of kinds in two checkpoints": [sync(KEYED, *every_pair(checkpoint=True))],
    "declared types": [
        sync(
            [DECLARED],
            up("t", id="7", b="1", s="5", i=5.0, f=213.77, d=213.77, n="1.555", day="2024-01-01", at="2024-01-01 01:02:03.5",
               utc="2024-01-01T01:02:03+02:00", raw=b"ab", x="<a/>", text={"a": 1}, j="text"),
            up("t", id=8, b=0, f=1e39, d=1e-320, n="99999999999", text=5, j=[1, None], at="0001-01-01T00:00:00"),
            ok(),
            up("t", id=9, b=None, n="", text="", j=""),
            ok(),
        )
    ],
    "declared anew": [
        sync([table("t", "id", a="SHORT", b="INT", c="DOUBLE", d="NAIVE_DATE", e="STRING", f="JSON", g=DECIMAL, h="BINARY")],
             up("t", id=1, a=1, b=2, c=3.5, d="2024-01-01", e="x", f={"a": 1}, g="1.25", h=b"x")),
        sync([table("t", "id", a="LONG", b="STRING", c="LONG", d="UTC_DATETIME", e="JSON", f="STRING", g="DOUBLE", h="STRING")],
             up("t", id=2, a=2**40, b="y", c=4, d="2024-01-02T03:04:05Z", e=[1], f="z", g=2.5, h="w"), ok()),
        sync([table("t", "id", a="DOUBLE", z="STRING")]),
    ],
    "decimals join": [
        sync([table("t", "id", n=DECIMAL, m=DECIMAL, o="INT")], up("t", id=1, n="1.25", m="7.5", o=7)),
        sync([table("t", "id", n={"type": "DECIMAL", "precision": 5, "scale": 4}, o=DECIMAL)], up("t", id=2, n="1.2345", m=5, o="1.5")),
    ],
    "order of columns and late columns": [
        sync(KEYED, up("t", b=None, id=1, a=""), up("t", z=1, id=2, b=2), ok(), up("t", id=3, a="x", c=1), ok()),
    ],
    "update and delete": [
        sync(KEYED, up("t", id=1, x="a", y="b"), up("t", id=2, x="c"), ok(),
             mod("t", id=1, x="new"), mod("t", id=1, y=None), rm("t", id=2), rm("t", id=9), mod("t", id=9, w=1), ok()),
        sync(KEYED, up("t", id=2, x="back"), rm("t", id=1, x="last words"), ok(),
             rm("t", id=2), mod("t", id=2, x="undeleted"), up("t", id=3), rm("t", id=3), up("t", id=3, x="again")),
    ],
    "empty values in updates": [
        sync([table("t", "id", d="STRING", x="XML")],
             up("t", id=1, s="a", d="b", x="<a/>", j={}, b=b"x", n=5), up("t", id=2, s="a"), up("t", id=3, s="a"), ok(),
             mod("t", id=1, s="", d="", x="", j="", b=b"", n=""), mod("t", id=2, s="z"), up("t", id=3, s="", b=b""), mod("t", id=3, d=""),
             up("t", id=4, s="q"), mod("t", id=4, s="", b=b"")),
        sync(KEYED, rm("t", id=1, b=b"", n="")),
    ],
    "key changes without rows": [
        sync([table("t", "a")], up("t", a=1, b="x", c=1), up("u", a=1)), sync([table("t", "b"), table("u", "a")]),
        sync([table("t")]), sync([table("t", "d")]), sync([table("t", "a", "c")], ok()),
    ],
    "declared at the first checkpoint": [
        sync([table("t", "id"), table("u"), table("v", "id", id="INT")], ok(s=1), up("u", a=1), boom),
        sync([table("w", "id", id="INT")], up("t", id=1), boom),
        sync([table("w", "id", id="INT")], up("t", id=1), ok(s=2), up("t", id=2), boom),
        sync([table("t", "id", x="STRING"), table("u")], ok(s=3)),
    ],
    "update before upsert": [
        sync(KEYED, mod("t", id=1, x="a"), ok(s=1)),
        sync(KEYED, mod("t", id=1, x="a"), up("t", id=1, y=1), ok(), mod("t", id=1, x="b"), up("t", id=1, y=2)),
    ],
    "partial upserts": [sync(KEYED, up("t", id=1, x=1, y=2), up("t", id=1, z=3), ok(), up("t", id=1, x=4))],
    "only updates and deletes": [sync(KEYED, rm("t", id=1), mod("t", id=1, x=1), ok()), sync([table("t", "id", id="INT")], rm("t", id=1))],
    "truncates": [
        sync(KEYED, up("t", id=1, x="a"), up("t", id=2), clear("t"), up("t", id=2, x="b"), up("t", id=3), ok()),
        sync(KEYED, clear("t"), ok(), clear("u")),
        sync(KEYED, up("t", id=2, x="c"), clear("t"), mod("t", id=1, x="back"), rm("t", id=3), up("t", id=4)),
        sync(KEYED, up("t", id=5), ok(), clear("t")),
    ],
    "keyless": [
        sync(KEYLESS, up("t", id=1, x="s"), up("t", x="s", id=1), up("t", id=2), up("t", id=2, x=None), ok()),
        sync(KEYLESS, *(row("t", {"id": v}) for v in [1.5, 213.77, 1e10, True, {"a": 1}, b"ab", "it's", "a\\b", "é", float("nan")])),
        sync(KEYLESS, rm("t", id=1, x="s"), mod("t", id=2), row("t", {"Camel Case": 1, "b": 2, "_a": 3, "a": 4})),
        sync(KEYLESS, row("t", {"id": 1, "_fivetran_id": "x"}), row("t", {"id": 1, "_fivetran_deleted": True}), up("t", id=1, _fivetran_synced="z")),
    ],
    "undeclared table": [Sync([], [up("t", id=1), up("t", id=1), up("u", id=1), ok()])],
    "key changes": [
        sync([table("t", "a")], up("t", a=1, b=1), up("t", a=2, b=1)),
        sync([table("t", "a", "b")], up("t", a=1, b=2), up("t", a=1, b=1, c="x"), ok(s=1)),
        sync([table("t", "a")], up("t", a=1, b=3), ok(s=2)),
        sync([table("t")], up("t", a=1, b=3), ok(s=3)),
    ],
    "key becomes text": [
        sync(KEYED, up("t", id=1, x=5), up("t", id=2, x=5), ok(), up("t", id="abc", x=6), up("t", id=1, x=7), ok()),
        sync(KEYED, up("t", id="1", x=8), rm("t", id=2), mod("t", id="abc", x=9)),
    ],
    "odd keys": [
        sync([table("t", "k", "l")], up("t", k=b"ab", l={"a": 1}), up("t", k=b"ab", l={"a": 1}, x=1), rm("t", k=b"ab", l={"a": 1})),
        sync([table("u", "ID")], up("u", ID=1, id=5), row("u", {"Id": 2}), mod("u", id=2, x=1)),
    ],
    "null key fails": [sync(KEYED, up("t", id=1), ok(s=1), up("t", id=2), up("t", id=None), ok(s=2))],
    "missing key fails": [sync(KEYED, up("t", id=1), ok(s=1), rm("t", x=1), ok(s=2)), sync(KEYED, mod("t", x=1))],
    "names": [
        Sync(
            [table("My Table", "userID", schema="First Schema"), table("ünï-code", "Key1"), table("Empty", "k", k="INT"), table("untyped", "k")],
            [up("My Table", schema="First Schema", userID=1, HTTPServer="x"), row("ünï-code", {"Key1": 1, "日本": 2, "a.b": 3, "1a": 4, "_x__y_": 5}),
             up("other", schema="Second2é", id=1), row("ünï-code", {"Key1": 2, "userName": "x", "user_name": "y"}),
             row("ünï-code", {"Key1": 3, "user_name": "y", "userName": "x"}), ok()],
        )
    ],
    "reserved names": [sync(KEYED, row("t", {"id": 1, "_fivetran_synced": "x", "_fivetran_deleted": True, "_fivetran_idx": 3}), ok())],
    "two declared tables of one name": [
        Sync([table("MyTable", "Id"), table("my_table", "id")], [up("MyTable", Id=1, x=1), up("my_table", id=2, y=2), ok()])
    ],
    "declarations that share a name": [
        Sync([table("MyT", "id"), table("my_t", "k"), table("u", "id", userName="INT", user_name="STRING")],
             [up("MyT", id=1, k=2), up("my_t", k=3), up("u", id=1, userName="5"), up("u", id=2, user_name="x"), ok()]),
    ],
    "nothing emitted": [sync([table("a", "id", id="INT", x="STRING"), table("b", "id"), table("c")]), sync([table("c")], up("c", a=1))],
    "rows for a table made empty": [
        sync([table("t", "id", id="INT", x="STRING")]), sync([table("t", "id", id="INT", x="STRING")], up("t", id=1, y=2)),
    ],
    "fails before a checkpoint": [sync([DECLARED], up("t", id=1), boom)],
    "fails after a checkpoint": [sync(KEYED, up("t", id=1), ok(s=1), up("t", id=2), clear("t"), boom), sync(KEYED, up("t", id=3), ok(s=2))],
    "state": [sync(KEYED, ok(a="é", b=[1, None, 1.5], c={"z": 1, "a": 2})), sync(KEYED, up("t", id=1)), sync(KEYED, ok())],
    "warning and error": [
        sync(KEYED, Operation("warning", ("careful",)), up("t", id=1), ok(s=1), up("t", id=2), Operation("error", ("bad", "trace"))),
    ],
    "table names": [
        Sync([], [up(name, id=1) for name in ["_a", "-aB", "_1", "_", "日本", "日a", "../x", " sp ", "a_", "_é", "$1$"]]
             + [row("c", dict.fromkeys(["_a", "-aB", "_1", "../x", " sp "], 1))]),
    ],
    "changes to tables without rows": [
        sync([table("t", "id", id="INT"), table("u"), table("v")]),
        sync([table("t", "id", id="INT"), table("u"), table("v")], mod("t", id=1, x=1), clear("u"), rm("v", a=1), ok(s=1), mod("t", id=1, y=1), rm("u", a=1)),
        sync([table("t", "id", id="INT"), table("u"), table("v")], clear("t"), ok(s=2), mod("t", id=1, x=1), up("u", b=2), mod("v", a=1), clear("v")),
        sync([table("t", "id", id="INT"), table("u"), table("v")], mod("t", id=1, z=1), up("t", id=1, y="x"), clear("w")),
    ],
    "key changes without upserts": [
        sync([table("t", "id"), table("u"), table("v", "id")], up("t", id=1, k=3), up("t", id=2, k=4), up("u", id=1), up("v", id=1)),
        sync([table("t", "k"), table("u", "id"), table("v", "k")], mod("t", k=3, x=1), mod("u", id=1, x=1), rm("v", k=1, x=1), ok(s=1)),
        sync([table("t"), table("u", "id", "k"), table("v")], rm("t", k=3), rm("u", id=1, k=1), mod("v", id=1, y=1), clear("t"), ok(s=2)),
        sync([table("t", "k"), table("u", "id"), table("v", "id")], up("t", k=3, y="z"), up("u", id=1, k=3), up("v", id=1), ok(s=3)),
    ],
    "truncates of tables that are only declared": [
        sync([table("t", "id"), table("u"), table("v", "id", id="INT"), table("w", "id")],
             up("t", id=1), clear("u"), clear("v"), mod("v", id=1, x=5), clear("w"), ok(s=1), up("u", a=1), up("v", id=2), up("w", id=1)),
        sync([table("t", "id"), table("x"), table("y", "id", id="INT")], mod("t", id=1, x=2), clear("x"), rm("y", id=1, z=1), ok(s=2), up("y", id=1)),
    ],
    "changes to tables that are only declared": [
        sync([table("t", "id"), table("u"), table("v", "id", id="INT")], up("t", id=1), mod("u", a=1), mod("v", id=1, x="a"), rm("v", id=2, y=1),
             ok(s=1), up("v", id=1)),
    ],
    "a declared table that cannot be brought about": [
        sync([table("t", "id"), table("v", "id")], up("t", id=1, k=3), up("t", id=2, k=3)),
        sync([table("t", "k"), table("v", "id")], up("v", id=1), ok(s=1)),
        sync([table("t", "id"), table("v", "id")], up("v", id=2), ok(s=2)),
    ],
    "declared anew without upserts": [
        sync([table("t", "id"), table("u", "id", id="INT"), table("v", "id")], up("t", id=1), up("v", id=1, k=1)),
        sync([table("t", "id"), table("u", "id", id="LONG", x="STRING"), table("v", "k", k="DOUBLE", y="JSON")],
             up("t", id=2), clear("u"), mod("u", id=1, z=1), mod("v", k=1, z=5), rm("v", k=1), ok(s=1)),
        sync([table("t", "id"), table("u", "id", id="STRING", w="INT"), table("v", "k", k="STRING")], clear("u"), clear("v"), mod("v", k=1, a=1)),
    ],
    "keys too big for their column": [
        sync([table("t", "n", n=DECIMAL)], up("t", n="1.25", x=1), ok(s=1), up("t", n="99999999999", x=2), ok(s=2)),
        sync([table("t", "n", n=DECIMAL), table("u", "a", "n", n=DECIMAL)], up("u", a=1, n="1.5"), ok(s=3), up("u", a=1, n=10**12), mod("u", a=1, n=1)),
    ],
    "key rounded": [
        sync([table("t", "id", id="LONG")], up("t", id=2**53), up("t", id=2**53 + 1), ok(s=1)),
        sync([table("t", "id", id="DOUBLE")], up("t", id=1.5), ok(s=2)),
        sync([table("t", "id", id="LONG")], up("t", id=2**53 + 1, x=1), up("t", id=7), ok(s=3)),
    ],
    "null keys after the cast": [
        sync([table("t", "id", id="LONG"), table("u", "a", "b", a="LONG")], up("t", id=1), up("u", a=1, b="x"), ok(s=1), up("t", id=""), ok(s=2)),
        sync([table("t", "id", id="LONG"), table("u", "a", "b", a="LONG")], up("u", a="", b="y"), up("t", id=2), ok(s=3)),
        sync([table("t", "id", id="DOUBLE")], up("t", id=float("nan")), ok(s=4)),
    ],
    "state dropped": [
        sync(KEYED, up("t", id=1, x="a"), ok(at=1)), Sync(KEYED, [up("t", id=1, x="b"), up("t", id=2)], forgets=True),
        Sync(KEYED, [mod("t", id=2, x="c"), ok(at=2), up("t", id=3), boom], forgets=True), Sync(KEYED, [rm("t", id=1)], forgets=True),
    ],
    "fails between checkpoints": [
        sync(KEYED, up("t", id=1), ok(s=1), mod("t", id=1, x=5), clear("t"), boom, ok(s=2)),
        sync(KEYED, ok(s=2), boom, ok(s=3)), sync(KEYED, rm("t", id=1), ok(s=3), ok(s=4), boom),
    ],
    "threads": [Sync(KEYED, [in_threads(*(up("t", id=n, x=n % 7 or "x") for n in range(60))), ok(s=1),
                             in_threads(*(rm("t", id=n) for n in range(20)), *(mod("t", id=n, x=n / 4) for n in range(20, 60))), ok(s=2)])],
    "many rows": [
        sync(KEYED, *(up("t", id=n % 9000, x=f"t{n}" if n % 7 else n, y=n / 4) for n in range(10000)), ok(),
             *(up("t", id=n, x=n) for n in range(8990, 9010)), *(rm("t", id=n) for n in range(20)), ok()),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_sdk_and_this_engine_leave_the_same(name, tmp_path):
    assert compared(CASES[name], tmp_path) == []


def test_source_naming(tmp_path):
    syncs = [
        Sync(
            [table("My Table", "userID", schema="First Schema")],
            [up("My Table", schema="First Schema", userID=1, HTTPServer="x"), row("ünï", {"a.b": 1, "A": 2}), ok()],
        )
    ]
    assert compared(syncs, tmp_path, naming="SOURCE_NAMING") == []


@pytest.mark.parametrize(
    "value", ["nan", "NaN", "t", "-inf", "1e400", "x", "eA==", 5, 1, True, 2.5, b"x", {"a": 1}], ids=str
)
@pytest.mark.parametrize("kind", ["BOOLEAN", "LONG", "FLOAT", DECIMAL, "BINARY"], ids=str)
def test_a_value_under_another_name_of_a_typed_column(kind, value, tmp_path):
    """The SDK does not know the column by that name and takes the value as it is; it meets the type when it lands."""
    syncs = [sync([table("t", "id", user_name=kind)], up("t", id=1, userName=value), ok(n=1))]
    assert "\n".join(compared(syncs, tmp_path, "FIVETRAN_NAMING")) == ""
