"""Files of an S3 bucket for Fivetran: wires the settings, the bucket and the streams to the SDK."""

from fivetran_connector_sdk import Connector
from headwater_runtime import Source

from api import CONFIG, bucket
from sync import streams

source = Source(CONFIG, bucket, streams)

connector = Connector(update=source.update, schema=source.schema, configuration_form=source.configuration_form)
