"""PostgreSQL for Fivetran: wires the settings, the database and the streams to the SDK."""

from fivetran_connector_sdk import Connector
from headwater_runtime import Source

from api import CONFIG, database
from sync import streams

source = Source(CONFIG, database, streams)

connector = Connector(update=source.update, schema=source.schema, configuration_form=source.configuration_form)
