-- The event store. The writer numbers seq and public_seq under its lock: no sequence here has gaps.
-- Collation "C" compares bytes, as SQLite does, whatever the database's locale.
CREATE TABLE events(
  seq bigint PRIMARY KEY,
  stream text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  type text COLLATE "C" NOT NULL,
  data bytea NOT NULL,
  meta bytea NOT NULL,
  recorded_at text COLLATE "C",
  UNIQUE (stream, version)
);

CREATE TABLE public(
  public_seq bigint PRIMARY KEY,
  seq bigint NOT NULL,
  id text COLLATE "C" NOT NULL UNIQUE,
  leaf bytea NOT NULL
);

-- value is UTF-8 in a bytea: text of PostgreSQL cannot hold U+0000, which people can send.
CREATE TABLE disclosures(
  id text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  salt bytea NOT NULL,
  value bytea NOT NULL,
  PRIMARY KEY (id, name)
);

CREATE TABLE idempotency(
  key text COLLATE "C" PRIMARY KEY,
  digest bytea NOT NULL,
  response bytea NOT NULL
);
