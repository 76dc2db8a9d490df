"""Headwater: any data source to a Fivetran connector that is proven to lose nothing."""

__version__ = "0.1.0"
__all__ = ["__version__"]
