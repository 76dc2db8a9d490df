"""The 28 fields of a CPG record, each a pure function of (seed, index)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from headwater.simulate import Record, choice, draw

__all__ = ["DATES", "cpg_record", "cpg_truth", "identifier"]

FIRST_DAY = date(2024, 1, 1)
DAYS = 640
DATES = ("order_date", "price_optimization_date")
SUBCATEGORIES = {
    "Beauty": ("Skincare", "Haircare", "Makeup", "Fragrance"),
    "Apparel": ("Shirts", "Shoes", "Outerwear", "Accessories"),
    "Electronics": ("Audio", "Wearables", "Cameras", "Smart Home"),
    "Home Goods": ("Kitchen", "Bedding", "Cleaning", "Decor"),
    "Food & Beverage": ("Snacks", "Coffee & Tea", "Soft Drinks", "Pantry"),
    "Health": ("Vitamins", "First Aid", "Oral Care", "Sports Nutrition"),
}
# 60 products: category and subcategory belong to the product, so that they agree wherever it is ordered.
PRODUCTS = tuple(
    (f"PRODUCT_{number:06d}", category, SUBCATEGORIES[category][number % 4], 4.5 + (number * 37 % 60) * 3.15)
    for number, category in ((number, tuple(SUBCATEGORIES)[number % 6]) for number in range(60))
)
SEGMENTS = ("Regular", "Regular", "Regular", "Premium", "Premium", "Occasional", "Occasional", "New")
STATUSES = ("Delivered",) * 6 + ("Shipped",) * 2 + ("Processing", "Pending", "Cancelled", "Returned")
RESULTS = ("Increased Revenue", "Increased Revenue", "No Change", "Decreased Revenue")
RECOMMENDATIONS = ("Increase Price", "Decrease Price", "Maintain Price", "Run Promotion")


def cpg_record(seed: int, index: int, version: int) -> Record:
    """Return record `index` as the API shows it. An edit (a higher `version`) changes everything but the identifiers."""
    (who, order, order_low, product, *_) = draw("cpg.id", seed, index)
    word = draw("cpg", seed, index, version)
    product_id, category, subcategory, list_price = PRODUCTS[
        product * product * 60 >> 32
    ]  # squared: few products sell most
    price = round(list_price * _between(0.9, 1.1, word[0], 4), 2)
    flagged = word[1] < 0x6000
    return {
        "record_id": identifier("cpg.uuid", seed, index),
        "order_id": f"ORDER_{(order << 16 | order_low) % 1_000_000:06d}",
        "customer_id": f"CUSTOMER_{who % 5_000:06d}",
        "product_id": product_id,
        "order_date": _day(word[2]),
        "order_total": round(price * (1 + word[3] % 6), 2),
        "product_price": price,
        "inventory_level": word[4] % 1_001,
        "customer_segment": choice(SEGMENTS, word[5]),
        "order_status": choice(STATUSES, word[6]),
        "product_category": category,
        "product_subcategory": subcategory,
        "customer_ltv": _between(80, 12_000, word[7], 2),
        "average_order_value": _between(15, 480, word[8], 2),
        "order_frequency": 1 + word[9] % 24,
        "product_rating": _between(1, 5, word[10], 1),
        "product_review_count": word[11] % 2_400,
        "price_optimization_flag": flagged,
        "price_elasticity": _between(-2.8, -0.1, word[12], 2),
        "demand_forecast": 10 + word[13] % 990,
        "inventory_turnover": _between(0.5, 14, word[14], 2),
        "stockout_rate": _between(0, 0.25, word[15], 4),
        "overstock_rate": _between(0, 0.35, word[16], 4),
        "revenue_growth_rate": _between(-0.18, 0.42, word[17], 4),
        "customer_satisfaction_rate": _between(0.55, 1, word[18], 4),
        "price_optimization_date": _day(word[19]),
        "price_optimization_result": choice(RESULTS, word[20]) if flagged else "Not Optimized",
        "price_optimization_recommendation": choice(RECOMMENDATIONS, word[21]),
    }


def cpg_truth(record: Record) -> dict[str, Any]:
    """Return the row a destination must hold for `record`: dates are dates there."""
    return {**record, **{name: date.fromisoformat(record[name]) for name in DATES}}


def identifier(purpose: str, seed: int, index: int) -> str:
    """Return a version-4 UUID that depends on the arguments alone."""
    digits = "".join(f"{word:04x}" for word in draw(purpose, seed, index)[:8])
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


def _between(low: float, high: float, word: int, places: int) -> float:
    return round(low + (high - low) * word / 0xFFFF, places)


def _day(word: int) -> str:
    return (FIRST_DAY + timedelta(days=word % DAYS)).isoformat()
