"""Bringing a connector to Fivetran. So far: the package that is uploaded."""

from headwater.deploy.package import MANIFEST, Package, stage, write

__all__ = ["MANIFEST", "Package", "stage", "write"]
