"""PostgreSQL below the ledger, its views and its inbox: needs psycopg, which auditors do not."""
