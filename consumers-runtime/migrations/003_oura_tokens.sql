-- Which athletes allow us to read at Oura. The tokens are encrypted with OURA_TOKEN_KEY, which the database does not have.
CREATE TABLE oura_tokens (
  user_id      text        PRIMARY KEY,
  sealed       text        NOT NULL,
  scope        text        NOT NULL,
  expires_at   timestamptz NOT NULL,
  refused_at   timestamptz, -- Oura takes the refresh token no more: the athlete has to allow it again
  connected_at timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now()
);
