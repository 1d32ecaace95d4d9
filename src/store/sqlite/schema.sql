-- The SQLite store, schema version 1. Codes of states, roles and reasons are those of src/store/codes.ts; times are ms since the epoch.
-- Hot rows are narrow: payloads, attempts and barriers do not sit in the row that claim and settle touch.

-- Texts that many jobs share: types, schema ids, principals.
CREATE TABLE name (
  id INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE
) STRICT;

-- A queue and a type: the unit that workers subscribe to.
CREATE TABLE lane (
  id INTEGER PRIMARY KEY,
  queue TEXT NOT NULL,
  type TEXT NOT NULL,
  UNIQUE (queue, type)
) STRICT;

-- What was set for a queue; NULL: the server decides (max_concurrency: no limit).
CREATE TABLE queue (
  name TEXT PRIMARY KEY,
  paused INTEGER NOT NULL,
  max_concurrency INTEGER,
  max_attempts INTEGER,
  backoff TEXT,
  timeout_ms INTEGER,
  crash_limit INTEGER,
  completed_retention_ms INTEGER,
  cancelled_retention_ms INTEGER,
  dead_retention_ms INTEGER
) STRICT, WITHOUT ROWID;

-- Jobs per lane and state, kept in the transaction that moves them. Lane 0 is the store itself: under 0 the latest time it
-- told, under 1 the last number it gave to a job. Neither ever falls. They stand here because nearly every transaction
-- writes a counter: a page of their own would be one more to write in each.
CREATE TABLE counter (
  lane INTEGER NOT NULL,
  state INTEGER NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (lane, state)
) STRICT, WITHOUT ROWID;
INSERT INTO counter VALUES (0, 0, 0), (0, 1, 0);

CREATE TABLE job (
  seq INTEGER PRIMARY KEY,         -- insertion order
  id TEXT NOT NULL,
  lane INTEGER NOT NULL,
  state INTEGER NOT NULL,
  hold INTEGER NOT NULL,
  neg_priority INTEGER NOT NULL,   -- negated, so that the ready index ascends in claim order
  run_at INTEGER NOT NULL,
  delay_ms INTEGER,                -- counts from the release of a held job
  start_at INTEGER,                -- of a job below another: not before this time, whenever it is released
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  version INTEGER NOT NULL DEFAULT 1,
  epoch INTEGER NOT NULL DEFAULT 0,
  attempt INTEGER NOT NULL DEFAULT 0,
  failure_count INTEGER NOT NULL DEFAULT 0,
  crash_count INTEGER NOT NULL DEFAULT 0,
  snooze_count INTEGER NOT NULL DEFAULT 0,
  release_count INTEGER NOT NULL DEFAULT 0,
  lease TEXT,                      -- the newest lease, also after its end, with its session and claim time
  session INTEGER,
  claimed_at INTEGER,
  sent INTEGER NOT NULL DEFAULT 0,     -- outcome kind that its worker sent; 0: none, or the lease was taken
  recorded INTEGER NOT NULL DEFAULT 0, -- what history says of it
  problem TEXT,                        -- why that is not what was sent
  run INTEGER NOT NULL DEFAULT 0,  -- how its own run ended
  ran_at INTEGER,
  finished_at INTEGER,
  cancel INTEGER NOT NULL DEFAULT 0,   -- reason of a requested cancel
  cancel_heirs INTEGER NOT NULL DEFAULT 0, -- nothing below runs then, whatever its trigger
  reason INTEGER NOT NULL DEFAULT 0,   -- of its own end; shown when terminal
  parent INTEGER,
  root INTEGER,                    -- NULL for a root
  role INTEGER NOT NULL DEFAULT 0,
  depth INTEGER NOT NULL DEFAULT 0,
  position INTEGER NOT NULL DEFAULT 0,
  key TEXT,
  policy INTEGER NOT NULL DEFAULT 0,
  trigger INTEGER NOT NULL DEFAULT 0,
  as_result INTEGER NOT NULL DEFAULT 0,
  edge_flipped INTEGER NOT NULL DEFAULT 0,
  propagate_due INTEGER NOT NULL DEFAULT 0,
  below INTEGER NOT NULL DEFAULT 0,    -- 1: it has a row in barrier
  staged INTEGER NOT NULL DEFAULT 0,   -- children in stage that are not in the chain yet
  max_attempts INTEGER,
  timeout_ms INTEGER,
  backoff TEXT,
  schema_id INTEGER NOT NULL,
  principal INTEGER NOT NULL,
  request_id TEXT,
  payload_bytes INTEGER NOT NULL,
  fingerprint TEXT,
  result_of INTEGER,               -- the job whose result is this job's (an as_result heir)
  result_type INTEGER,
  result BLOB                      -- last: it may be large, and is cold
) STRICT;

CREATE UNIQUE INDEX job_id ON job (id);
CREATE UNIQUE INDEX job_request ON job (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX job_ready ON job (lane, neg_priority, run_at) WHERE state = 2;
CREATE INDEX job_due ON job (run_at) WHERE state IN (1, 4);
CREATE INDEX job_session ON job (session, claimed_at) WHERE state = 3;
CREATE INDEX job_propagate ON job (propagate_due) WHERE propagate_due = 1;
CREATE INDEX job_dead ON job (state) WHERE state = 8;
CREATE INDEX job_below ON job (parent, role, position) WHERE parent IS NOT NULL;
CREATE INDEX job_root ON job (root) WHERE root IS NOT NULL;
CREATE UNIQUE INDEX job_key ON job (parent, key) WHERE key IS NOT NULL;
-- Roots of ended chains: what retention counts from.
CREATE INDEX job_ended ON job (lane, state, finished_at) WHERE root IS NULL AND state >= 7;
-- What a revival looks at: nodes that ended badly, and those that are just ending.
CREATE INDEX job_bad ON job (parent, role, position, state, reason, policy) WHERE parent IS NOT NULL AND state >= 8;
CREATE INDEX job_ending ON job (parent)
  WHERE parent IS NOT NULL AND (propagate_due = 1 OR state < 7 AND (cancel <> 0 OR run > 2));

CREATE TABLE payload (
  seq INTEGER PRIMARY KEY,
  bytes BLOB NOT NULL,
  metadata TEXT                    -- JSON; NULL: none
) STRICT;

-- Ended attempts. A success has no row: the job's row says all of it.
CREATE TABLE attempt (
  seq INTEGER NOT NULL,
  number INTEGER NOT NULL,
  outcome INTEGER NOT NULL,
  session INTEGER NOT NULL,
  claimed_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  error_name TEXT,
  error_message TEXT,
  error_stack TEXT,
  PRIMARY KEY (seq, number)
) STRICT, WITHOUT ROWID;

-- What a job knows of the nodes directly below it.
CREATE TABLE barrier (
  seq INTEGER PRIMARY KEY,
  pending_children INTEGER NOT NULL,
  pending_heirs INTEGER NOT NULL,
  children_not_ok INTEGER NOT NULL DEFAULT 0,
  heirs_not_ok INTEGER NOT NULL DEFAULT 0,
  judged INTEGER NOT NULL DEFAULT 0,  -- its heirs have been judged since its barrier opened
  chain_nodes INTEGER NOT NULL,    -- of the whole chain, in its root's row; else 0
  reviving INTEGER NOT NULL DEFAULT 0, -- what cascade still brings back below it
  revived INTEGER NOT NULL DEFAULT -1  -- up to this position it has
) STRICT;
CREATE INDEX barrier_reviving ON barrier (seq) WHERE reviving <> 0;

-- Cancels due below a job: kind 1 everything that its end asks for, 2 FAIL_FAST. Nodes up to position have been seen to.
CREATE TABLE cascade (
  seq INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,
  position INTEGER NOT NULL DEFAULT -1
) STRICT;

-- Workers' registrations. Ended ones stay as long as history may name them.
CREATE TABLE session (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  principal TEXT NOT NULL,
  worker TEXT NOT NULL,
  instance TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  opened_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  ended_at INTEGER,
  buffered TEXT                    -- JSON list of the leases last named as buffered; NULL: none
) STRICT;
CREATE INDEX session_live ON session (expires_at) WHERE ended_at IS NULL;
CREATE INDEX session_over ON session (ended_at) WHERE ended_at IS NOT NULL;

-- Children staged by one attempt, in frames beside the chain until its success is accepted: phase 1 its lease is live, 2 they go
-- into the chain, 3 nobody needs them any more: they go some at a time.
CREATE TABLE stage (
  id INTEGER PRIMARY KEY,
  job INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  phase INTEGER NOT NULL,
  seq INTEGER NOT NULL             -- of the last frame
) STRICT;
CREATE UNIQUE INDEX stage_job ON stage (job) WHERE phase < 3;
CREATE INDEX stage_expand ON stage (job) WHERE phase = 2;
CREATE INDEX stage_over ON stage (id) WHERE phase = 3;
CREATE TABLE stage_frame (
  id INTEGER PRIMARY KEY,          -- in the order in which they came
  stage INTEGER NOT NULL,
  done INTEGER NOT NULL DEFAULT 0, -- so many of its nodes are in the chain
  nodes BLOB NOT NULL              -- as staged-nodes.ts writes them
) STRICT;
CREATE INDEX stage_frames ON stage_frame (stage);
CREATE TABLE stage_key (
  stage INTEGER NOT NULL,
  key TEXT NOT NULL,
  PRIMARY KEY (stage, key)
) STRICT, WITHOUT ROWID;

-- What a handler last said of how far it is.
CREATE TABLE progress (
  seq INTEGER PRIMARY KEY,
  attempt INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  at INTEGER NOT NULL
) STRICT;

-- Roots whose chain is being removed, some rows at a time.
CREATE TABLE pruning (
  seq INTEGER PRIMARY KEY
) STRICT;

-- Removed roots whose ids still answer repeats.
CREATE TABLE tombstone (
  id TEXT PRIMARY KEY,
  request_id TEXT,
  type INTEGER NOT NULL,
  payload_hash BLOB NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX tombstone_request ON tombstone (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX tombstone_expiry ON tombstone (expires_at);

-- A row may be removed behind the broker's back, by an operator at a prompt: counters stay right, nothing is left over.
CREATE TRIGGER job_removed AFTER DELETE ON job BEGIN
  UPDATE counter SET n = n - 1 WHERE lane = old.lane AND state = old.state;
  DELETE FROM payload WHERE seq = old.seq;
  DELETE FROM attempt WHERE seq = old.seq;
  DELETE FROM barrier WHERE seq = old.seq;
  DELETE FROM cascade WHERE seq = old.seq;
  DELETE FROM progress WHERE seq = old.seq;
  DELETE FROM pruning WHERE seq = old.seq;
  UPDATE stage SET phase = 3 WHERE job = old.seq AND phase < 3;
END;
