"""`http`: what the runtime costs a connector on Fivetran's side, what it holds in memory, and how it hides a source's latency."""
