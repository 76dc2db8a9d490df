"""Files as a source: places, paths, formats, and a manifest of what was read."""

from headwater_runtime.storage.avro import Avro
from headwater_runtime.storage.csv_format import Csv
from headwater_runtime.storage.excel import Excel
from headwater_runtime.storage.fixed_width import FixedWidth
from headwater_runtime.storage.format import Format
from headwater_runtime.storage.json_document import Json
from headwater_runtime.storage.json_lines import Jsonl
from headwater_runtime.storage.manifest import Manifest
from headwater_runtime.storage.packed import Limits
from headwater_runtime.storage.parquet import Parquet
from headwater_runtime.storage.place import Place
from headwater_runtime.storage.reading import Columns, Files

__all__ = [
    "Avro",
    "Columns",
    "Csv",
    "Excel",
    "Files",
    "FixedWidth",
    "Format",
    "Json",
    "Jsonl",
    "Limits",
    "Manifest",
    "Parquet",
    "Place",
]
