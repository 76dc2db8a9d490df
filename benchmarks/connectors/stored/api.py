"""The benchmark's folder."""

from headwater_runtime import Config, Settings, Text
from headwater_runtime.storage import Place

CONFIG = Config(place=Text("Folder, as an address"), pattern=Text("Which files"))


def client(settings: Settings) -> Place:
    """Read where the address points."""
    return Place(settings.place)
