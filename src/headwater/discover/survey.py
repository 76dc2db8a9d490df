"""The survey: reads the source, and finds what takes all its records: the end, the key, the dates, whether a token lasts."""

from __future__ import annotations

from collections.abc import Sequence

from headwater.discover.columns import DateField, date_fields, describe
from headwater.discover.findings import Findings, printable
from headwater.discover.key import Key, distinct, find_key
from headwater.discover.trial import Endpoint, count
from headwater.discover.vocabulary import UNTELLING, USUAL
from headwater.discover.walk import Walk, reading, reread, settle, walk
from headwater.model.spec import EndpointSpec, PagingSpec, TableSpec, connector_name
from headwater_runtime.client import Pages

__all__ = ["survey"]

SHOWN = 12  # fields a finding names


def survey(endpoint: Endpoint, paging: PagingSpec, name: str, findings: Findings) -> EndpointSpec:
    """Walk the source and find what needs all records: its end, the key, the dates, the fields, whether a token lasts."""
    reader = endpoint.reader
    pages = reading(reader, endpoint.records, paging, paging.size_max or paging.size)
    walked, paging = settle(walk(reader, pages), paging)
    rows = distinct(walked.rows or endpoint.rows)
    _ending(walked, paging, len(rows), findings)
    table = _table_name(endpoint, name)
    key = find_key(rows, table)
    _key(key, walked, findings)
    dates = date_fields(rows)
    _dates(dates, len(rows), findings)
    fields = describe(rows)
    varied = [f"{column} ({kinds})" for column, kinds in fields.types.items() if " or " in kinds]
    nested = [column for column, kinds in fields.types.items() if "JSON" in kinds]
    gaps = [f"{column} ({gap})" for column, gap in fields.missing.items() if gap]
    notes = [", ".join(list(fields.types)[:SHOWN]) + (", …" if len(fields.types) > SHOWN else "")]
    notes += [f"types vary: {', '.join(varied)}"] if varied else []
    notes += [f"land as JSON: {', '.join(nested)}"] if nested else []
    notes += [f"absent or null in some records: {', '.join(gaps[:SHOWN])}"] if gaps else []
    findings.add("fields", count(len(fields.types), "field"), "; ".join(notes))
    durable = paging.kind in {"next_token", "keyset"} and _durable(endpoint, pages, paging, walked, dates, findings)
    address = reader.address
    return EndpointSpec(
        path=address.path,
        table=TableSpec(table, key.columns),
        records=endpoint.records,
        paging=paging,
        params={k: v for k, v in address.params.items() if k not in {paging.param, paging.size_param}},
        secret_params=address.secret_params,
        token_is_durable=durable,
        date_field=dates[0].name if dates else "",
        fields={column: printable(reader.redact(sample)) for column, sample in fields.samples.items()},
        types=fields.types,
        records_seen=len(rows),
        complete=walked.complete,
    )


def _table_name(endpoint: Endpoint, name: str) -> str:
    """Return the records field if its name tells something, else the last telling step of the path, else the source's name."""
    own = endpoint.records.rpartition(".")[2]
    if own and own.lower() not in USUAL and connector_name(own):
        return connector_name(own)
    steps = [step for step in endpoint.reader.address.path.split("/") if step and not UNTELLING.search(step)]
    return (connector_name(steps[-1]) if steps else "") or name


def _ending(walked: Walk, paging: PagingSpec, kept: int, findings: Findings) -> None:
    read = f"{count(len(walked.rows), 'record')} on {count(walked.filled, 'page')}"
    doubles = len(walked.rows) - kept
    if doubles > 0 and walked.rows:
        findings.add(
            "doubles",
            f"{count(doubles, 'record')} came twice, equal in every field",
            "pages overlap, or the source repeats itself",
            "warning",
        )
    if walked.complete and paging.kind == "single" and paging.size_param and len(walked.rows) >= paging.size:
        findings.add(
            "last_page",
            f"the one answer holds as many records as were asked for, {paging.size}: there may be more",
            "no way to a second page was found",
            "error",
        )
    elif walked.complete:
        last = next((size for size in reversed(walked.sizes) if size), 0)
        gone = "the page after it was empty" if paging.source == "last" else f"'{paging.path}' was null or absent"
        sign = {
            "next_token": f"'{paging.more}' was not true" if paging.more else gone,
            "next_link": gone,
            "keyset": "the page after it held nothing new",
            "page_number": f"'{paging.total_pages}' pages were read"
            if paging.total_pages
            else "the page after it was empty",
            "offset": f"'{paging.total}' records were read" if paging.total else "the page after it was empty",
            "single": "there is only one answer",
        }[paging.kind]
        findings.add("last_page", f"read to the end: {read}", f"the last page held {last}, and {sign}")
    elif walked.trouble and "budget" not in walked.trouble:
        findings.add(
            "last_page", f"reading stopped after {read}: {walked.trouble}", "a connector would stop there too", "error"
        )
    else:
        findings.add(
            "last_page",
            f"the request budget ended after {read}; the end was not seen",
            "not checked: how the last page looks, and whether the key holds for the rest; the first sync will tell",
            "warning",
        )


def _key(key: Key, walked: Walk, findings: Findings) -> None:
    if not key.columns:
        hint = f"{key.evidence}; a row is kept by its whole content, so a changed record becomes a second row"
        findings.add("key", "no primary key was found", hint, "warning")
        return
    shown = " + ".join(f"'{column}'" for column in key.columns)
    scope = "" if walked.complete else " (not all records were read)"
    findings.add("key", f"the primary key is {shown}", key.evidence + scope, "info" if key.trusted else "warning")


def _dates(dates: Sequence[DateField], total: int, findings: Findings) -> None:
    if not dates:
        findings.add("date", "no field is a date in every record")
        return
    shown = "; ".join(f"{field.name} ({field.form}, {field.order})" for field in dates[:5])
    findings.add(
        "date",
        f"'{dates[0].name}' could be a cursor, if the source can filter by it",
        f"in all {total} records: {shown}",
    )


def _durable(
    endpoint: Endpoint,
    pages: Pages,
    paging: PagingSpec,
    walked: Walk,
    dates: Sequence[DateField],
    findings: Findings,
) -> bool:
    """Tell whether a token can be kept for the next sync: it must mark a place, give the same page again, and not run backward."""
    tokens = [position for position in walked.positions if position is not None]
    if not tokens or len(walked.sizes) < 2:
        return False
    if paging.kind == "keyset" and not all(str(token).isdecimal() for token in tokens):
        findings.add(
            "cursor",
            f"a new '{paging.path}' may lie between old ones, for it is no number",
            "every sync reads everything",
        )
        return False
    if paging.kind == "next_token" and all(
        str(token).isdigit() and int(token) <= len(walked.rows) + 1 for token in tokens
    ):
        findings.add(
            "cursor",
            "the token counts pages or records, so it moves when the source grows",
            "every sync reads everything",
        )
        return False
    backward = next((field.name for field in dates if field.order == "descending"), "")
    if backward:
        findings.add(
            "cursor",
            f"the newest records come first, by '{backward}'",
            "a kept token would never meet new ones; every sync reads everything",
        )
        return False
    second = walked.rows[walked.sizes[0] : walked.sizes[0] + walked.sizes[1]]
    again = reread(pages, walked.positions[0])
    same = again is not None and list(map(endpoint.identify, again)) == list(map(endpoint.identify, second))
    if not same:
        findings.add("cursor", "the token gave another page when it was sent again", "every sync reads everything")
        return False
    findings.add(
        "cursor",
        "the token can be the cursor: the next sync goes on at the last one",
        f"the first one, sent again at the end, brought the same {len(second)} records; "
        "not checked: whether it works tomorrow, and whether old records change, which a token never shows",
    )
    return True
