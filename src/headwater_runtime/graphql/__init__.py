"""GraphQL: a query paged at every level, what errors in an answer mean, budgets told by answers, rows by rule."""
