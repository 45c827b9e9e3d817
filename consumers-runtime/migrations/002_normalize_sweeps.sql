-- How far the sweeper has read the advisories about messages that died silently. Its row is also its lock.
CREATE TABLE normalize_sweeps (
  durable    text   NOT NULL,
  stream     text   NOT NULL,
  created    text   NOT NULL, -- the stream's: one that was made anew starts at its first message again
  last_seq   bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (durable, stream, created)
);
