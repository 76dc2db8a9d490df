"""The entities behind the query endpoints: their records by index, when they changed, and what can be asked of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from headwater.simulate import Following, Population, Record, Timeline

from . import records

__all__ = ["LISTS", "Entity", "Organization"]

SMALL = 20
LISTS = (
    *("RecurringGift", "PlannedGift", "GiftAsk", "Project", "Campaign", "Communication", "Grant", "Premium", "Event"),
    *("EventAttendee", "Task", "ContactNote", "Volunteer", "VolunteerOpportunity"),
)
STAMPED = {
    "Id": ("Int", "id"),
    "Create Date": ("Date", "createDateTimeUtc"),
    "Create DateTime UTC": ("DateTime", "createDateTimeUtc"),
    "Last Modified Date": ("Date", "modifiedDateTimeUtc"),
    "Last Modified DateTime UTC": ("DateTime", "modifiedDateTimeUtc"),
}
# Fixed patterns, so that every member is found by number.
PEOPLE = (0, 1, 1, 2)  # the contact, of three, each of four individuals belongs to
PARTS = (0, 1, 1, 2)  # the gift, of three, each of four designations belongs to


@dataclass(frozen=True)
class Entity:
    """`parameters` are the display names a condition may use, each with its type and the field of a record it is about.

    `gone` tells which records are deleted, ascending.
    """

    population: Population
    timeline: Timeline
    parameters: Mapping[str, tuple[str, str]]
    light: Callable[[Record], Record] | None = None
    began_with: int = 0
    gone: Callable[[], Sequence[int]] = tuple


class Organization:
    """One organisation's data. The gifts are what `records` counts; contacts, individuals and designations follow them."""

    def __init__(self, gifts: int, seed: int) -> None:
        self._seed = seed
        self.gift_times = Timeline(gifts, ties=4)
        self.gifts = Population(self._gift, gifts, seed=seed, timeline=self.gift_times)
        self.contact_times = Following(self.gift_times, lambda index: 3 * index, self._count_contacts)
        self.contacts = Population(self._contact, self._count_contacts, seed=seed, timeline=self.contact_times)
        self.people_times = Following(self.contact_times, lambda index: _group(PEOPLE, index), self._count_people)
        self.individuals = Population(self._individual, self._count_people, seed=seed, timeline=self.people_times)
        self.part_times = Following(self.gift_times, lambda index: _group(PARTS, index), self._count_parts)
        self.designations = Population(self._part, self._count_parts, seed=seed, timeline=self.part_times)
        self.entities = self._entities()

    def revision(self) -> object:
        """Return what changes whenever any record does."""
        return tuple(one.population.revision for one in self.entities.values())

    def people_of(self, contact: int) -> list[Record]:
        """Return the individuals of a contact."""
        return [
            self.individuals.record(one) for one in _members(PEOPLE, contact) if one not in self.individuals.deleted
        ]

    def contact_of(self, gift: int) -> int:
        """Return whose gift it is: every third gift is a new contact's first."""
        newest = gift // 3
        return newest if gift % 3 == 0 else gift * 7_919 % (newest + 1)

    def _gone_parts(self) -> list[int]:
        return [part for gift in self.gifts.deleted for part in _members(PARTS, gift)]

    def _count_contacts(self) -> int:
        return -(-len(self.gifts) // 3)

    def _count_people(self) -> int:
        return _count(PEOPLE, self._count_contacts())

    def _count_parts(self) -> int:
        return _count(PARTS, len(self.gifts))

    def _contact(self, seed: int, index: int, version: int) -> Record:
        return records.contact(seed, index, version, _stamps(self.contact_times, index), self.people_of(index))

    def _individual(self, seed: int, index: int, version: int) -> Record:
        return records.individual(seed, index, version, _stamps(self.people_times, index), _group(PEOPLE, index))

    def _gift(self, seed: int, index: int, version: int) -> Record:
        parts = [records.designation(seed, one, version) for one in _members(PARTS, index)]
        contact = self.contact_of(index)
        donor = records.identifier(seed, "individual", _members(PEOPLE, contact)[0]) if index % 4 else None
        made = records.gift(seed, index, version, _stamps(self.gift_times, index), contact, parts)
        return {**made, "contactIndividualId": donor}

    def _part(self, seed: int, index: int, _version: int) -> Record:
        gift = _group(PARTS, index)
        part = records.designation(seed, index, self.gifts.version(gift))
        return {**part, "giftId": records.identifier(seed, "gift", gift)}

    def _entities(self) -> dict[str, Entity]:
        contact = {"Contact Type": ("String", "contactType"), "Contact Name": ("String", "name")}
        person = {"Contact Id": ("Int", "contactId"), "Last Name": ("String", "lastName")}
        gift = {
            "Gift Date": ("Date", "giftDate"),
            "Receipt Date": ("Date", "receiptDate"),
            "Amount": ("Decimal", "amount"),
            "Gift Type": ("String", "giftType"),
            "Batch": ("String", "batch"),
            "Contact Id": ("Int", "contactId"),
            "Private": ("Boolean", "isPrivate"),
        }
        part = {"Id": STAMPED["Id"], "Gift Id": ("Int", "giftId"), "Project": ("String", "project")}
        made = {
            "Contact": _entity(self.contacts, contact, records.light_contact),
            "ContactIndividual": _entity(self.individuals, person),
            "Gift": _entity(self.gifts, gift, records.light_gift),
            "GiftDesignation": Entity(
                self.designations, self.part_times, part, None, len(self.designations), self._gone_parts
            ),
        }
        return made | {name: _entity(_small(name, self._seed), {"Name": ("String", "name")}) for name in LISTS}


def _entity(
    population: Population, parameters: Mapping[str, tuple[str, str]], light: Callable[[Record], Record] | None = None
) -> Entity:
    timeline = population.timeline or Timeline(0)
    return Entity(population, timeline, {**STAMPED, **parameters}, light, len(population), lambda: population.deleted)


def _small(kind: str, seed: int) -> Population:
    """Return a short list of an entity whose rows the reference does not show."""
    timeline = Timeline(SMALL)

    def make(seed: int, index: int, version: int) -> Record:
        created, modified = map(records.moment, _stamps(timeline, index))
        return {
            "id": records.identifier(seed, kind, index),
            "name": f"{kind} {index + 1}" + "'" * version,
            "customFields": {"Region": "Nord"},
            "createDateTimeUtc": created,
            "modifiedDateTimeUtc": modified,
        }

    return Population(make, SMALL, seed=seed, timeline=timeline)


def _stamps(timeline: Timeline, index: int) -> tuple[datetime, datetime]:
    return timeline.at(index), timeline.changed(index)


def _group(pattern: tuple[int, ...], index: int) -> int:
    """Return which owner member `index` belongs to, when owners have members as `pattern` says, over and over."""
    turn, place = divmod(index, len(pattern))
    return turn * (pattern[-1] + 1) + pattern[place]


def _members(pattern: tuple[int, ...], owner: int) -> list[int]:
    turn, which = divmod(owner, pattern[-1] + 1)
    return [turn * len(pattern) + place for place, one in enumerate(pattern) if one == which]


def _count(pattern: tuple[int, ...], owners: int) -> int:
    return _members(pattern, owners - 1)[-1] + 1 if owners else 0
