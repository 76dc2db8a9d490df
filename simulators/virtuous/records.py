"""Contacts, individuals, gifts and designations as the API shows them, each a pure function of (seed, index, version)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from headwater.simulate import Record, choice, draw

__all__ = [
    "Stamps",
    "contact",
    "contact_id",
    "designation",
    "gift",
    "identifier",
    "index_of",
    "individual",
    "light_contact",
    "light_gift",
    "name_of",
]

Stamps = tuple[datetime, datetime]  # created, last modified
NAMES = ("Avery", "Müller", "O'Brien", "Núñez", "山田", "Łukasz", "de la Cruz", "Smith-Jones")
FIRST_NAMES = ("Pat", "Zoë", "José", "Åsa", "太郎", "Mary Ann", "D’Arcy", "Kim")
CITIES = (("Phoenix", "AZ", "85001"), ("St. Paul", "MN", "55101"), ("San José", "CA", "95112"), ("Nome", "AK", ""))
PROJECTS = (
    ("General", "GEN"),
    ("Water – Wells", "WAT"),
    ("Éducation", "EDU"),
    ("Relief, 2024", "REL"),
    ("Seeds", None),
)
GAP = 3  # ids rise with the index but leave some out


def identifier(seed: int, kind: str, index: int) -> int:
    """Return the id of record `index`."""
    return GAP * index + 1 + draw(f"virtuous.{kind}.id", seed, index)[0] % GAP


def index_of(identity: int) -> int:
    """Return the index of the only record that may have this id."""
    return (identity - 1) // GAP


def contact_id(seed: int, index: int) -> int:
    """Return the id of a contact."""
    return identifier(seed, "contact", index)


def name_of(seed: int, index: int) -> str:
    """Return the name of a contact."""
    word = draw("virtuous.contact", seed, index)
    return f"{choice(NAMES, word[0])} {choice(('Household', 'Household', 'Foundation', 'Inc.'), word[1])}"


def contact(seed: int, index: int, version: int, stamps: Stamps, individuals: list[Record]) -> Record:
    """Return a full contact. An edit changes what people correct: description, address, tags, amounts."""
    fixed, word = draw("virtuous.contact", seed, index), draw("virtuous.contact", seed, index, version)
    given = word[9] < 0xD000
    merged = 0x7000 <= fixed[3] < 0x7400 and index
    return {
        "id": contact_id(seed, index),
        "contactType": choice(("Household", "Household", "Foundation", "Organization"), fixed[1]),
        "isPrivate": fixed[2] < 0x0800,
        "name": name_of(seed, index),
        "informalName": choice(FIRST_NAMES, fixed[4]) if fixed[4] < 0xC000 else None,
        "description": choice((None, "", "Met at the gala 🎉", 'Said "maybe"; call\nagain'), word[5]),
        "website": f"https://contact{index}.example" if fixed[5] < 0x3000 else None,
        "maritalStatus": choice((None, "Married", "Single"), fixed[6]),
        "anniversaryMonth": fixed[7] % 12 + 1 if fixed[7] < 0x4000 else None,
        "anniversaryDay": fixed[7] % 28 + 1 if fixed[7] < 0x4000 else None,
        "anniversaryYear": None,
        "mergedIntoContactId": contact_id(seed, fixed[8] % index) if merged else None,
        "address": _address(index, word) if fixed[10] < 0xF000 else None,
        "giftAskAmount": None,
        "lifeToDateGiving": f"${word[9]:,}" if given else "Unavailable",
        "yearToDateGiving": f"${word[9] % 1_000:,}" if given else "Unavailable",
        "lastGiftAmount": _dollars(word[11] * 3) if given else "Unavailable",
        "lastGiftDate": _us(stamps[0]) if given else "Unavailable",
        "contactIndividuals": individuals,
        "contactReferences": [{"source": "Legacy CRM", "id": f"{fixed[12]:05d}"}] if fixed[12] < 0x8000 else [],
        "originSegmentId": None,
        "tags": [tag for tag, bit in (("Major Donor", 1), ("Bénévole", 2)) if word[13] & bit],
        "organizationGroups": [],
        "customFields": [{"name": "Shirt", "value": choice("SML", word[14]), "displayName": "Shirt Size"}],
        "customCollections": [],
        "createDateTimeUtc": moment(stamps[0]),
        "modifiedDateTimeUtc": moment(stamps[1]),
    }


def light_contact(full: Record) -> Record:
    """Return the flat form of a contact."""
    address = full["address"]
    people = full["contactIndividuals"]
    methods = people[0]["contactMethods"] if people else []
    return {
        "id": full["id"],
        "name": full["name"],
        "contactType": full["contactType"],
        "contactName": full["name"],
        "address": ", ".join(address[part] for part in ("address1", "city", "state") if address[part])
        if address
        else "",
        "email": next((one["value"] for one in methods if one["type"] == "Home Email"), None),
        "phone": next((one["value"] for one in methods if one["type"] == "Home Phone"), None),
        "contactViewUrl": f"/contacts/{full['id']}",
    }


def individual(seed: int, index: int, version: int, stamps: Stamps, contact_index: int) -> Record:
    """Return a person."""
    fixed, word = draw("virtuous.individual", seed, index), draw("virtuous.individual", seed, index, version)
    year, month, day = 1940 + fixed[0] % 65, fixed[1] % 12 + 1, fixed[2] % 28 + 1
    born = fixed[3] < 0xA000
    first, last = choice(FIRST_NAMES, fixed[4]), name_of(seed, contact_index).rsplit(" ", 1)[0]
    return {
        "id": identifier(seed, "individual", index),
        "contactId": contact_id(seed, contact_index),
        "prefix": choice((None, "Dr.", "Ms."), fixed[5]),
        "firstName": first,
        "middleName": None if fixed[6] < 0xE000 else "",
        "lastName": last,
        "suffix": None,
        "gender": choice((None, "Female", "Male"), fixed[7]),
        "isPrimary": fixed[8] < 0x8000,
        "isSecondary": fixed[8] >= 0x8000,
        "birthMonth": month if born else None,
        "birthDay": day if born else None,
        "birthYear": year if born else None,
        "birthDate": f"{month}/{day}/{year}" if born else "",
        "approximateAge": None,
        "isDeceased": word[9] < 0x0400,
        "passion": choice((None, "Wells", "Schools; health"), word[10]),
        "avatarUrl": f"https://avatars.example/{index}.png",
        "contactMethods": [
            _method(2 * index + 1, "Home Email", f"person{index}+{word[11]}@example.org"),
            _method(2 * index + 2, "Home Phone", f"(602) 555-{fixed[12] % 10_000:04d}"),
        ][: 2 if fixed[13] < 0xC000 else 1],
        "createDateTimeUtc": moment(stamps[0]),
        "modifiedDateTimeUtc": moment(stamps[1]),
        "customFields": [],
        "customCollections": [],
    }


def gift(seed: int, index: int, version: int, stamps: Stamps, contact_index: int, designations: list[Record]) -> Record:
    """Return a full gift. Its amount is what its designations add up to."""
    fixed, word = draw("virtuous.gift", seed, index), draw("virtuous.gift", seed, index, version)
    identity, owner = identifier(seed, "gift", index), contact_id(seed, contact_index)
    cents = sum(round(one["amountDesignated"] * 100) for one in designations)
    kind = choice(("Cash", "Check", "Credit", "Electronic Funds Transfer"), fixed[0])
    day = datetime.combine(stamps[0].date(), datetime.min.time()) - timedelta(days=fixed[1] % 9)
    receipted = word[2] < 0x6000
    return {
        "id": identity,
        "transactionSource": choice(("WebForm", "Import", None), fixed[3]),
        "transactionId": f"tx-{fixed[4]:05d}" if fixed[4] < 0xC000 else None,
        "contactId": owner,
        "contactName": name_of(seed, contact_index),
        "contactUrl": f"/api/Contact/{owner}",
        "giftType": kind,
        "giftTypeFormatted": kind,
        "giftDate": day.isoformat(),
        "giftDateFormatted": _us(day),
        "amount": cents / 100,
        "amountFormatted": _dollars(cents),
        "currencyCode": "USD",
        "exchangeRate": 1.0,
        "baseCurrencyCode": "USD",
        "batch": day.strftime("%Y-%m") if fixed[5] < 0x8000 else None,
        "createDateTimeUtc": moment(stamps[0]),
        "createdByUser": "Pat Lee",
        "modifiedDateTimeUtc": moment(stamps[1]),
        "modifiedByUser": choice(("Pat Lee", "Zoë O'Hara"), word[6]),
        **dict.fromkeys(("segmentId", "segment", "segmentCode", "segmentUrl", "mediaOutletId", "mediaOutlet")),
        **dict.fromkeys(("grantId", "grant", "grantUrl")),
        "notes": choice(("", "", "In honour of 祖母", "Two\nlines"), word[7]),
        "tribute": "In memory of Ærik" if fixed[8] < 0x1000 else None,
        **dict.fromkeys(("tributeId", "tributeType", "acknowledgeeIndividualId")),
        "isAcknowledgedGift": word[9] < 0x2000,
        "receiptDate": day.isoformat() if receipted else None,
        "receiptDateFormatted": _us(day) if receipted else "",
        **dict.fromkeys(("contactPassthroughId", "contactIndividualId", "cashAccountingCode", "giftAskId")),
        "contactMembershipId": None,
        "giftDesignations": designations,
        "giftPremiums": [],
        "pledgePayments": [],
        "recurringGiftPayments": [],
        "giftUrl": f"/api/Gift/{identity}",
        "isPrivate": fixed[10] < 0x0800,
        "isTaxDeductible": fixed[11] >= 0x0800,
        "customFields": [{"name": "Channel", "value": choice(("Web", "Mail"), word[12]), "displayName": "Channel"}],
    }


def light_gift(full: Record) -> Record:
    """Return the abbreviated form of a gift: money and dates are text for people."""
    same = ("id", "contactId", "contactIndividualId", "giftType")
    rest = ("segment", "batch", "giftUrl")
    return {
        **{name: full[name] for name in same},
        "giftDate": full["giftDateFormatted"],
        "amount": full["amountFormatted"],
        **{name: full[name] for name in rest},
        "culture": None,
        "exchangeRate": full["exchangeRate"],
        "currencyCode": full["currencyCode"],
        "baseCurrencyCode": full["baseCurrencyCode"],
    }


def designation(seed: int, index: int, version: int) -> Record:
    """Return one designation of a gift. `version` is the gift's: an edit of a gift splits its money anew."""
    word = draw("virtuous.designation", seed, index, version)
    number = word[0] % len(PROJECTS)
    project, code = PROJECTS[number]
    amount = (100 + word[1] * 7) / 100
    return {
        "id": identifier(seed, "designation", index),
        "projectId": number + 1,
        "project": project,
        "projectCode": code,
        "externalAccountingCode": None,
        "projectType": None,
        "projectLocation": None,
        "projectUrl": f"/api/Project/{number + 1}",
        "amountDesignated": amount,
        "display": f"{project}: {_dollars(round(amount * 100))}",
    }


def moment(at: datetime) -> str:
    """Return a moment as the API writes it: UTC without saying so, with as many digits of a second as it has."""
    text = at.strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0")
    return text.removesuffix(".")


def _us(day: datetime) -> str:
    return f"{day.month}/{day.day}/{day.year}"


def _dollars(cents: int) -> str:
    return f"${cents / 100:,.2f}"


def _method(number: int, kind: str, value: str) -> dict[str, Any]:
    return {"id": number, "type": kind, "value": value, "isOptedIn": True, "isPrimary": True, "canBePrimary": True}


def _address(index: int, word: tuple[int, ...]) -> dict[str, Any]:
    city, state, postal = choice(CITIES, word[15])
    return {
        "id": index + 1,
        "label": "Home Address",
        "address1": f"{word[16] % 9_000 + 1} Weiße Straße",
        "address2": "" if word[17] < 0x8000 else "Apt. 2",
        "city": city,
        "state": state,
        "postal": postal,
        "country": "US",
        "isPrimary": True,
        "canBePrimary": True,
        **dict.fromkeys(("startMonth", "startDay", "endMonth", "endDay")),
    }
