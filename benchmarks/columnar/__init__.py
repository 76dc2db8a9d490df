"""`sql` and `files`: a table of 12 columns, from PostgreSQL and from files, into DuckDB and toward Fivetran."""
