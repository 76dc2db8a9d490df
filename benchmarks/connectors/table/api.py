"""The benchmark's database."""

from headwater_runtime import Config, Secret, Settings, Text
from headwater_runtime.sql import Database

CONFIG = Config(url=Secret("Address of the database"), table=Text("Table"))


def client(settings: Settings) -> Database:
    """Connect with what the address says."""
    return Database(settings.url)
