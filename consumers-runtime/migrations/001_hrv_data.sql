-- One row per user and day; captured_at decides which of several events stands.
CREATE TABLE hrv_data (
  user_id     text             NOT NULL,
  date        date             NOT NULL,
  rmssd       double precision NOT NULL,
  ln_rmssd    double precision NOT NULL,
  captured_at timestamptz      NOT NULL,
  created_at  timestamptz      NOT NULL DEFAULT now(),
  updated_at  timestamptz      NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, date)
);

-- The runbook asks for the rows of the last minutes. Rows arrive in time order, so that a BRIN index is enough and costs inserts nothing.
CREATE INDEX hrv_data_created_at_idx ON hrv_data USING brin (created_at);
