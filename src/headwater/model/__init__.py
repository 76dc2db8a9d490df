"""Layer 1: the workbench's data. No IO, no behaviour beyond turning itself into plain values."""

from headwater.model.finding import Finding, Severity
from headwater.model.report import Report, Status
from headwater.model.spec import AuthSpec, EndpointSpec, PagingSpec, SourceSpec, TableSpec

__all__ = [
    "AuthSpec",
    "EndpointSpec",
    "Finding",
    "PagingSpec",
    "Report",
    "Severity",
    "SourceSpec",
    "Status",
    "TableSpec",
]
