"""Visits, leads and locations as the API shows them, each a pure function of (seed, index, version) and its moments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from headwater.simulate import Record, choice, draw

__all__ = ["LOCATIONS", "lead", "lead_id", "location", "location_of", "moment", "visit", "visit_id"]

COMPANIES = ("Northwind", "Söderberg", "Ólafur & Synir", "Müller", "株式会社青空", "Café Grün", "O'Neill", "Contoso")
FORMS = ("Oy", "AB", "GmbH", "Ltd", "S.A.", "ehf.", "K.K.", "")
INDUSTRIES = ("Software", "Logistics", "Retail", "Manufacturing", "Health Care", "Énergie")
PAGES = ("/", "/pricing", "/blog/why-now", "/contact", "/docs/über-uns", "/demo?ref=mail")
SOURCES = ("google", "linkedin", "newsletter", "(direct)", None)
MEDIUMS = ("organic", "cpc", "email", None)
PLACES = (
    ("Finland", "FI", "Uusimaa", "18", "Helsinki", ""),
    ("Iceland", "IS", "Höfuðborgarsvæðið", "1", "Reykjavík", ""),
    ("Germany", "DE", "Bayern", "BY", "München", ""),
    ("United States", "US", "Texas", "TX", "Austin", "TX"),
    ("Japan", "JP", "東京都", "13", "新宿区", ""),
    ("France", "FR", None, None, "Orléans", ""),
)
LOCATIONS = 48
RANGES = ({"min": 1, "max": 10}, {"min": 11, "max": 50}, {"min": 51, "max": 200}, {"min": 201, "max": None}, None)


def visit_id(index: int) -> str:
    """Return the id of a visit."""
    return f"visit-{index + 1:07d}"


def lead_id(index: int) -> str:
    """Return the id of a lead."""
    return f"lead-{index + 1:06d}"


def moment(at: datetime) -> str:
    """Return a moment as the API writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def location(number: int) -> Record:
    """Return location `number` of all there are."""
    country, code, region, region_code, city, state = PLACES[number % len(PLACES)]
    attributes = {
        "country": country,
        "country_code": code,
        "region": region,
        "region_code": region_code,
        "city": city if number < len(PLACES) else f"{city} {number // len(PLACES) + 1}",
        "state_code": state,
    }
    return {"id": f"loc-{number + 1}", "type": "locations", "attributes": attributes}


def location_of(record: Record) -> str | None:
    """Return the id of a record's location; None where it has none, or does not say."""
    held = record.get("relationships", {}).get("location")
    return held["data"]["id"] if held and held["data"] else None


def visit(seed: int, index: int, version: int, at: datetime, lead: str) -> Record:
    """Return a visit. An edit identifies the visitor: what Leadfeeder learns later."""
    fixed = draw("leadfeeder.visit", seed, index)
    word = draw("leadfeeder.visit", seed, index, version)
    known = version > 0 or fixed[0] < 0x2000
    attributes = {
        "source": choice(SOURCES, fixed[1]),
        "medium": choice(MEDIUMS, fixed[2]),
        "campaign": "spring" if fixed[3] < 0x3000 else None,
        "referring_url": "https://www.google.com/" if fixed[1] < 0x3000 else None,
        "page_depth": 1 + fixed[4] % 4,
        "landing_page_path": choice(PAGES, fixed[5]),
        "keyword": None,
        "query_term": "" if fixed[6] < 0x4000 else None,
        "visit_length": fixed[7] % 1_800,
        "country_code": PLACES[fixed[9] % LOCATIONS % len(PLACES)][1],
        "device_type": choice(("desktop", "mobile", "tablet"), fixed[10]),
        "started_at": moment(at),
        "date": at.date().isoformat(),
        "hour": at.hour,
        "lead_id": lead,
        "lf_client_id": f"lf-{fixed[11]:04x}{fixed[12]:04x}",
        "ga_client_ids": [f"GA1.{fixed[13]}.{fixed[14]}"] if fixed[13] < 0x8000 else [],
        "visitor_email": f"visitor{word[15]}@example.com" if known else None,
        "visitor_first_name": choice(("Aino", "Jürgen", "Zoë", "山田"), word[16]) if known else None,
        "visitor_last_name": choice(("Virtanen", "Weiß", "O'Hara", ""), word[17]) if known else None,
        "visit_route": _route(fixed[4] % 4 + (fixed[18] >= 0x1000), fixed[19:]),
    }
    return {
        "id": visit_id(index),
        "type": "visits",
        "attributes": attributes,
        **_placed(fixed[8], fixed[9]),
    }


def lead(seed: int, index: int, version: int, moments: Sequence[datetime], visits: int) -> Record:
    """Return a lead seen at `moments`. An edit changes what its owner notes on it, a further visit what is counted."""
    fixed = draw("leadfeeder.lead", seed, index)
    word = draw("leadfeeder.lead", seed, index, version)
    industry = choice(INDUSTRIES, fixed[0])
    name = f"{choice(COMPANIES, fixed[1])} {choice(FORMS, fixed[2])}".strip()
    slug = f"company{index + 1}"
    attributes = {
        "name": name,
        "industry": industry,
        "industries": [{"name": industry}],
        "first_visit_date": min(moments).date().isoformat(),
        "last_visit_date": max(moments).date().isoformat(),
        "status": choice(("new", "in_progress", "qualified"), word[3]),
        "website_url": f"https://{slug}.example",
        "phone": f"+358 9 {fixed[4]:06d}" if fixed[4] < 0xC000 else "",
        "linkedin_url": f"https://www.linkedin.com/company/{slug}" if fixed[5] < 0x8000 else None,
        "twitter_handle": slug if fixed[6] < 0x4000 else "",
        "facebook_url": f"https://facebook.example/{slug}" if fixed[6] >= 0xE000 else "",
        "employee_count": fixed[7] % 900 if fixed[7] < 0xE000 else None,
        "employees_range": choice(RANGES, fixed[8]),
        "crm_lead_id": None,
        "crm_organization_id": f"0065g{fixed[9]:05d}" if fixed[9] < 0x2000 else None,
        "tags": [tag for tag, bit in (("target", 1), ("ключ", 2)) if word[10] & bit],
        "logo_url": f"https://logo.example/{slug}.png",
        "assignee": choice((None, None, "Pat Lee", "Søren"), word[11]),
        "business_id": f"{fixed[12]:07d}-{fixed[12] % 10}",
        "revenue": str(fixed[13] * 1_000) if fixed[13] < 0xD000 else None,
        "emailed_to": None,
        "view_in_leadfeeder": f"https://app.leadfeeder.example/l/{lead_id(index)}",
        "visits": visits,
        "quality": min(10, word[14] % 8 + visits),
    }
    return {"id": lead_id(index), "type": "leads", "attributes": attributes, **_placed(fixed[15], fixed[16])}


def _placed(kind: int, number: int) -> dict[str, Any]:
    """Return the relationships: usually a location, sometimes null, sometimes nothing said at all."""
    if kind < 0x0800:
        return {}
    if kind < 0x1800:
        return {"relationships": {"location": None if kind < 0x1000 else {"data": None}}}
    return {"relationships": {"location": {"data": {"id": location(number % LOCATIONS)["id"], "type": "locations"}}}}


def _route(steps: int, words: Sequence[int]) -> list[dict[str, Any]]:
    route: list[dict[str, Any]] = []
    for number in range(steps):
        path = choice(PAGES, words[number])
        route.append(
            {
                "hostname": "www.example.com",
                "page_path": path,
                "previous_page_path": route[-1]["page_path"] if route else "",
                "time_on_page": words[number + 4] % 600,
                "page_title": f"{path} – Example" if words[number] & 1 else None,
                "page_url": f"https://www.example.com{path}",
                "display_page_name": path,
            }
        )
    return route
