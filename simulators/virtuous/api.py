"""The query endpoints, their options, and the single reads a connector may need."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from headwater.simulate import Envelope, Meter, Population, Record, Remembered, Reply, Request, Route

from .answers import Refuse
from .condition import QueryError, allowed
from .entities import Entity, Organization
from .query import Query, Selector, read_query
from .records import index_of, light_contact
from .tokens import Tokens
from .trouble import Trouble

__all__ = ["Api"]

TAKE, LARGEST = 10, 1000
NEWEST = Query(((),), "id", descending=True)
FULL = {"Contact": "FullContact", "Gift": "FullGift"}
TYPES = ("Household", "Organization", "Foundation")
Handler = Callable[[Request], Reply]
Show = Callable[[Record], Record]
Texts = Remembered[str]


def _from_the_start(request: Request) -> Request:
    """Return a query without what reads on in it: its conditions on `Id`."""
    try:
        body = request.json()
        groups = [
            {"conditions": [one for one in group["conditions"] if one["parameter"] != "Id"]} for group in body["groups"]
        ]
        return replace(request, body=json.dumps({**body, "groups": groups}).encode())
    except (KeyError, TypeError, ValueError):
        return request


ENVELOPE = Envelope(records="list", next="", param="skip", key="id", restart=_from_the_start)


class Api:
    """Routes over one organisation's data."""

    def __init__(
        self,
        organization: Organization,
        tokens: Tokens,
        meter: Meter,
        trouble: Trouble,
        refuse: Refuse,
        options: Mapping[str, Any],
    ) -> None:
        self._data = organization
        self._tokens = tokens
        self._meter = meter
        self._trouble = trouble
        self._refuse = refuse
        self._options = options
        self._gift_texts = self._texts(organization.entities["Gift"], _whole)
        self._selectors = {name: Selector(one, options["order"]) for name, one in organization.entities.items()}

    def routes(self) -> tuple[Route, ...]:
        """Return every route."""
        reads: tuple[tuple[str, str, Handler], ...] = (
            ("Organization", "/api/Organization/Current", self._organization),
            ("Contact", "/api/Contact/Types", lambda _: Reply.json([{"name": one} for one in TYPES])),
            ("Contact", "/api/Contact/Find", self._find),
            ("Contact", "/api/Contact/{id}", self._one("Contact")),
            ("ContactIndividual", "/api/ContactIndividual/{id}", self._one("ContactIndividual")),
            ("ContactIndividual", "/api/ContactIndividual/ByContact/{id}", self._people),
            ("Contact", "/api/ContactAddress/ByContact/{id}", self._addresses),
            ("Gift", "/api/Gift/{id}", self._one("Gift")),
            ("Gift", "/api/Gift/ByContact/{id}", self._gifts_of),
            ("ContactNote", "/api/ContactNote/ByContact/{id}", lambda _: Reply.json({"list": [], "total": 0})),
        )
        return (
            Route("POST", "/Token", self._meter(self._tokens.grant)),
            *(route for name in self._data.entities for route in self._queries(name)),
            *(Route("GET", path, self._front(scope, handler)) for scope, path, handler in reads),
        )

    def _queries(self, name: str) -> list[Route]:
        entity, path = self._data.entities[name], f"/api/{name}/Query"
        routes = [
            Route("GET", f"{path}/QueryOptions", self._front(name, lambda _: _options(entity))),
            Route("POST", path, self._front(name, self._query(name, entity.light or _whole)), ENVELOPE),
        ]
        if full := FULL.get(name):
            handler = self._front(name, self._query(name, _whole))
            routes.append(Route("POST", f"{path}/{full}", handler, ENVELOPE))
        return routes

    def _front(self, scope: str, handler: Handler) -> Handler:
        """Return `handler` behind the meter, the check of the token and that of its permissions."""

        def checked(request: Request) -> Reply:
            if not self._tokens.known(request):
                return self._refuse(401, "The API key or access token is not valid.")
            if scope in self._options["forbidden"]:
                return self._refuse(403, "The key has no permission to read this.")
            return handler(request)

        return self._meter(checked)

    def _query(self, name: str, show: Show) -> Handler:
        entity, selector = self._data.entities[name], self._selectors[name]
        texts = self._texts(entity, show)

        def handler(request: Request) -> Reply:
            try:
                skip, take = self._cut(request)
                query = read_query(request.json(), entity, request.at)
            except QueryError as error:
                return self._refuse(400, str(error), error.field)
            except ValueError:
                return self._refuse(400, "The body is not JSON.", "body")
            return self._page(selector.select(query), (skip, take), texts)

        return handler

    def _texts(self, entity: Entity, show: Show) -> Texts:
        def text(index: int) -> str:
            return json.dumps(show(entity.population.record(index)), ensure_ascii=False, separators=(",", ":"))

        return Remembered(text, self._data.revision)

    def _page(self, found: Sequence[int], cut: tuple[int, int], texts: Texts) -> Reply:
        skip, take = cut
        indices = found[skip : skip + take]
        if failure := self._trouble.with_page(take, found, indices):
            return failure
        body = f'{{"list":[{",".join(texts.many(indices))}],"total":{len(found)}}}'
        return Reply(200, body.encode(), {"Content-Type": "application/json"}, records=len(indices))

    def _cut(self, request: Request) -> tuple[int, int]:
        texts = [request.params.get("skip", "0"), request.params.get("take", str(TAKE))]
        for name, text in zip(("skip", "take"), texts, strict=True):
            if not (text.isascii() and text.isdigit()):
                raise QueryError(name, f"{name} must be a whole number.")
        skip, take = map(int, texts)
        if take > LARGEST and not self._options["clamp_take"]:
            raise QueryError("take", f"take must not be above {LARGEST}.")
        return skip, min(take, LARGEST)

    def _one(self, name: str) -> Handler:
        population = self._data.entities[name].population

        def handler(request: Request) -> Reply:
            index = _index(request, population)
            if index is None:
                return self._refuse(404, f"There is no such {name}.")
            return self._trouble.with_page(1, [index], [index]) or Reply.json(population.record(index), records=1)

        return handler

    def _of_contact(self, request: Request) -> int | None:
        return _index(request, self._data.contacts)

    def _people(self, request: Request) -> Reply:
        contact = self._of_contact(request)
        people = [] if contact is None else self._data.people_of(contact)
        return Reply.json({"list": people, "total": len(people)}, records=len(people))

    def _addresses(self, request: Request) -> Reply:
        contact = self._of_contact(request)
        address = None if contact is None else self._data.contacts.record(contact)["address"]
        return Reply.json([address] if address else [])

    def _gifts_of(self, request: Request) -> Reply:
        contact = self._of_contact(request)
        every = self._selectors["Gift"].select(NEWEST)
        found = [index for index in every if self._data.contact_of(index) == contact]
        try:
            return self._page(found, self._cut(request), self._gift_texts)
        except QueryError as error:
            return self._refuse(400, str(error), error.field)

    def _find(self, request: Request) -> Reply:
        for contact in range(len(self._data.contacts)):
            if contact in self._data.contacts.deleted:
                continue
            record = self._data.contacts.record(contact)
            if light_contact(record)["email"] == request.params.get("email"):
                return Reply.json(record, records=1)
        return self._refuse(404, "There is no contact with this e-mail address.")

    def _organization(self, _request: Request) -> Reply:
        return Reply.json({"organizationId": 1, "name": "Wells & Schools e.V.", "currencyCode": "USD"})


def _whole(record: Record) -> Record:
    return record


def _options(entity: Entity) -> Reply:
    options = [
        {"parameter": name, "type": "Date" if kind == "DateTime" else kind, "operatorOptions": allowed(kind)}
        for name, (kind, _) in entity.parameters.items()
    ]
    kinds = sorted({kind for kind, _ in entity.parameters.values()})
    every = {one["operator"]: one for kind in kinds for one in allowed(kind)}
    shown = [{**one, "valueOptions": []} for one in options]
    return Reply.json({"options": shown, "operatorOptions": list(every.values())})


def _index(request: Request, population: Population) -> int | None:
    text = request.captured["id"]
    index = index_of(int(text)) if text.isascii() and text.isdigit() and int(text) else -1
    if not 0 <= index < len(population) or index in population.deleted:
        return None
    return index if population.record(index)["id"] == int(text) else None
