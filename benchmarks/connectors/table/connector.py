"""The benchmark's table of a database on the runtime."""

from fivetran_connector_sdk import Connector
from headwater_runtime import Source

from api import CONFIG, client
from sync import streams

source = Source(CONFIG, client, streams)

connector = Connector(update=source.update, schema=source.schema, configuration_form=source.configuration_form)
