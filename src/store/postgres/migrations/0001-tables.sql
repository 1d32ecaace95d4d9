-- The PostgreSQL store, schema version 1. Codes of states, roles and reasons are those of codes.ts; times are ms since the epoch.
-- No statement here names the schema: it is first in the search path while this runs.
--
-- A job's row is the one lock of the job: whoever changes anything of it (its ready, due, leased, barrier and cascade rows too)
-- has locked that row, so the rows beside it are never waited for. No column that changes often is in an index of `job`
-- (nor in the condition of one): claims and outcomes stay updates within a page, which need no vacuum of the indexes.

-- Texts that many jobs share: types of results, schema ids, principals. Not unique, like the lanes: an application's open transaction
-- that brought one must not keep the brokers waiting for its end, so that one text may have several rows.
CREATE TABLE name (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  text text NOT NULL
);
CREATE INDEX name_text ON name (text, id);

-- A queue and a type: the unit that workers subscribe to; all its rows together. It may be there before the first job of it is.
CREATE TABLE lane (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  queue text NOT NULL,
  type text NOT NULL,
  used boolean NOT NULL DEFAULT false   -- its queue has a row
);
CREATE INDEX lane_name ON lane (queue, type, id);

-- Queues that have settings or had a job ever. NULL: the server decides (max_concurrency: no limit).
CREATE TABLE queue (
  name text PRIMARY KEY,
  paused boolean NOT NULL DEFAULT false,
  max_concurrency integer,
  max_attempts integer,
  backoff text,                    -- JSON
  timeout_ms bigint,
  crash_limit integer,
  completed_retention_ms bigint,
  cancelled_retention_ms bigint,
  dead_retention_ms bigint
);

-- Jobs per lane and state, kept in the transaction that moves them. The sum over the stripes counts; each backend writes its own stripe.
CREATE TABLE counter (
  lane integer NOT NULL,
  state smallint NOT NULL,
  stripe smallint NOT NULL,
  n bigint NOT NULL,
  PRIMARY KEY (lane, state, stripe)
) WITH (fillfactor = 25, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- Counts of jobs that applications put in within transactions of their own. They lock no row of `counter`, which a long
-- transaction would keep from the brokers; promote adds these rows to the counters and removes them. They count till then.
CREATE TABLE counter_apart (
  lane integer NOT NULL,
  state smallint NOT NULL,
  n bigint NOT NULL
);

-- What a write did to a job, as its functions tell each other; finish() counts it and makes hints of it.
CREATE TYPE event AS (
  seq bigint,        -- the job; NULL: n jobs of the lane
  lane integer,
  was smallint,      -- state before; 0: it was not there
  state smallint,    -- state after; equal to `was`: it did not move
  n integer,         -- how many jobs
  ended boolean,     -- its own run ended, or it turned terminal
  due bigint,        -- when it may run, if that lies ahead
  mark smallint,     -- 1: marked propagate_due, 2: a cascade below it became due, 3: it should be stopped, 4: it has staged children to put in
  flip bigint        -- the parent at which its end is still to be counted
);

-- Insertion order. Cached numbers would be handed out in blocks to each backend, so there is no cache.
CREATE SEQUENCE job_seq AS bigint;

-- More than half of each page is left free: a job is written again when it is claimed (it grows by its lease) and when it is done.
CREATE TABLE job (
  seq bigint PRIMARY KEY,
  id text NOT NULL COLLATE "C",
  lane integer NOT NULL,
  state smallint NOT NULL,
  hold smallint NOT NULL DEFAULT 0,
  neg_priority bigint NOT NULL,    -- negated, so that the ready rows ascend in claim order
  run_at bigint NOT NULL,
  start_at bigint,                 -- of a node: not before this time
  delay_ms bigint,                 -- counts from the release of a held job
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  version integer NOT NULL DEFAULT 1,
  epoch integer NOT NULL DEFAULT 0,
  attempt integer NOT NULL DEFAULT 0,
  failure_count integer NOT NULL DEFAULT 0,
  crash_count integer NOT NULL DEFAULT 0,
  snooze_count integer NOT NULL DEFAULT 0,
  release_count integer NOT NULL DEFAULT 0,
  lease text COLLATE "C",          -- the newest lease, also after its end, with its session and claim time: "<seq>.<nonce>"
  session bigint,
  claimed_at bigint,
  sent smallint NOT NULL DEFAULT 0,     -- outcome kind that its worker sent; 0: none, or the lease was taken
  recorded smallint NOT NULL DEFAULT 0, -- what history says of it
  problem text,                         -- why that is not what was sent
  run smallint NOT NULL DEFAULT 0,      -- how its own run ended
  ran_at bigint,
  finished_at bigint,
  cancel smallint NOT NULL DEFAULT 0,   -- reason of a requested cancel
  cancel_heirs boolean NOT NULL DEFAULT false, -- whatever their triggers, its heirs are cancelled too
  reason smallint NOT NULL DEFAULT 0,   -- of its own end; shown when terminal
  parent bigint,
  root bigint,                     -- NULL for a root
  role smallint NOT NULL DEFAULT 0,
  depth smallint NOT NULL DEFAULT 0,
  position integer NOT NULL DEFAULT 0,
  key text COLLATE "C",
  policy smallint NOT NULL DEFAULT 0,
  trigger smallint NOT NULL DEFAULT 0,
  as_result boolean NOT NULL DEFAULT false,
  edge_flipped boolean NOT NULL DEFAULT false,
  propagate_due boolean NOT NULL DEFAULT false,
  below boolean NOT NULL DEFAULT false, -- it has a row in barrier
  staged integer NOT NULL DEFAULT 0,    -- children in frames
  max_attempts integer,
  timeout_ms bigint,
  backoff text,                    -- JSON
  schema_id integer NOT NULL,
  principal integer NOT NULL,
  request_id text COLLATE "C",
  payload_bytes integer NOT NULL,
  fingerprint text,
  result_of bigint                 -- the job whose result is this job's (an as_result heir)
) WITH (fillfactor = 40, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.1);

CREATE UNIQUE INDEX job_id ON job (id);
CREATE UNIQUE INDEX job_request ON job (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX job_below ON job (parent, role, position) WHERE parent IS NOT NULL;
CREATE INDEX job_root ON job (root, seq) WHERE root IS NOT NULL;
CREATE UNIQUE INDEX job_key ON job (parent, key) WHERE key IS NOT NULL;
CREATE INDEX job_propagate ON job (seq) WHERE propagate_due;
-- Own runs that ended dead, and chains that failed: dead ones and some that still wait for what is below them.
CREATE INDEX job_dead ON job (seq) WHERE reason BETWEEN 1 AND 4;
-- What a revival may bring back below one parent, and what stands in its way; none of it grows with the children that went well.
CREATE INDEX job_dead_below ON job (parent, role, position) WHERE reason BETWEEN 1 AND 4 AND parent IS NOT NULL;
CREATE INDEX job_unwanted_below ON job (parent, role, position) WHERE reason BETWEEN 6 AND 10;
CREATE INDEX job_unsettled_below ON job (parent) WHERE cancel <> 0 OR propagate_due OR reason = 5;

-- Jobs in READY, in claim order.
CREATE TABLE ready (
  lane integer NOT NULL,
  neg_priority bigint NOT NULL,
  run_at bigint NOT NULL,
  seq bigint NOT NULL,
  payload_bytes integer NOT NULL,
  PRIMARY KEY (lane, neg_priority, run_at, seq)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000);

-- Jobs in SCHEDULED and RETRYING, in the order of their run times.
CREATE TABLE due (
  run_at bigint NOT NULL,
  seq bigint NOT NULL,
  PRIMARY KEY (run_at, seq)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000);

-- Jobs in RUNNING, by session; claimed_at and cancel are those of the job.
CREATE TABLE leased (
  session bigint NOT NULL,
  seq bigint NOT NULL,
  claimed_at bigint NOT NULL,
  cancel smallint NOT NULL DEFAULT 0,
  PRIMARY KEY (session, seq)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000);
CREATE INDEX leased_cancel ON leased (session) WHERE cancel <> 0;

CREATE TABLE payload (
  seq bigint PRIMARY KEY,
  bytes bytea NOT NULL,
  metadata text                    -- JSON; NULL: none
);
-- Most payloads are small, and whoever sends large ones has packed them already.
ALTER TABLE payload ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- What a job's own handler returned, when it returned something.
CREATE TABLE result (
  seq bigint PRIMARY KEY,
  type integer NOT NULL,           -- a name
  bytes bytea NOT NULL
);
ALTER TABLE result ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- Ended attempts. A success has no row: the job's row says all of it.
CREATE TABLE attempt (
  seq bigint NOT NULL,
  number integer NOT NULL,
  outcome smallint NOT NULL,
  session bigint NOT NULL,
  claimed_at bigint NOT NULL,
  ended_at bigint NOT NULL,
  epoch integer NOT NULL,
  error text,                      -- JSON of {name, message, stack}: as text, since it may hold \u0000
  PRIMARY KEY (seq, number)
);

-- What a job knows of the nodes directly below it.
CREATE TABLE barrier (
  seq bigint PRIMARY KEY,
  pending_children integer NOT NULL,
  pending_heirs integer NOT NULL,
  children_not_ok integer NOT NULL DEFAULT 0,
  heirs_not_ok integer NOT NULL DEFAULT 0,
  judged boolean NOT NULL DEFAULT false, -- its heirs have been judged since its barrier opened
  -- What a revival still brings back: 0 nothing, 1 heirs that were not wanted, 2 also such children, 3 also dead ones. They count as
  -- pending; those up to the position are back.
  reviving smallint NOT NULL DEFAULT 0,
  revived integer NOT NULL DEFAULT -1
) WITH (fillfactor = 70);
CREATE INDEX barrier_reviving ON barrier (seq) WHERE reviving <> 0;

-- Jobs of a chain, its root included, once there is more than the root. The sum over the stripes counts.
CREATE TABLE chain (
  root bigint NOT NULL,
  stripe smallint NOT NULL,
  nodes bigint NOT NULL,
  PRIMARY KEY (root, stripe)
);

-- Cancels due below a job: kind 1 everything that its end asks for, 2 FAIL_FAST. Nodes up to position have been seen to.
CREATE TABLE cascade (
  seq bigint PRIMARY KEY,
  kind smallint NOT NULL,
  position integer NOT NULL DEFAULT -1
);

-- Children that an attempt of a job staged, as they came: kept apart until its success is accepted and expand has put them in. Rows
-- as 04-insert.sql takes them, numbered from 1 within the frame; their lanes, names and payloads (end to end) beside them.
CREATE TABLE frame (
  seq bigint NOT NULL,             -- the job
  attempt integer NOT NULL,
  number integer NOT NULL,
  nodes integer NOT NULL,
  rows jsonb NOT NULL,
  lanes integer[] NOT NULL,
  names integer[] NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (seq, attempt, number)
);
ALTER TABLE frame ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- Keys of children in frames.
CREATE TABLE frame_key (
  seq bigint NOT NULL,
  attempt integer NOT NULL,
  key text NOT NULL COLLATE "C",
  PRIMARY KEY (seq, attempt, key)
);

-- Attempts that ended otherwise: what they staged is not wanted, and prune clears it away.
CREATE TABLE frame_unwanted (
  seq bigint NOT NULL,
  attempt integer NOT NULL,
  PRIMARY KEY (seq, attempt)
);

-- Jobs whose success was accepted and whose frames are to be put in: so many nodes of this frame are in.
CREATE TABLE expansion (
  seq bigint PRIMARY KEY,
  number integer NOT NULL,
  done integer NOT NULL
) WITH (fillfactor = 50);

-- What a handler last said of how far it is.
CREATE TABLE progress (
  seq bigint PRIMARY KEY,
  attempt integer NOT NULL,
  at bigint NOT NULL,
  bytes bytea NOT NULL
) WITH (fillfactor = 50);

-- Roots that turned terminal, as their steps told: what is due for removal is found by lane, state and time. A root that is gone or
-- was revived since stays in its list until that is due.
CREATE TABLE ended (
  lane integer NOT NULL,
  state smallint NOT NULL,
  finished_at bigint NOT NULL,
  roots bigint[] NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
CREATE INDEX ended_due ON ended (lane, state, finished_at);

-- Roots whose chains are being removed: nodes first, then they.
CREATE TABLE pruning (
  root bigint PRIMARY KEY
);

-- Workers' registrations. Ended ones stay, since history names them.
CREATE TABLE session (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text NOT NULL COLLATE "C" UNIQUE,
  principal text NOT NULL,
  worker text NOT NULL,
  instance text NOT NULL,
  epoch integer NOT NULL,
  opened_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  ended_at bigint,
  buffered text[],                 -- the leases last named as buffered; NULL: none
  fences jsonb                     -- claims that were sent again, the newest first: [[nonce, when]]; NULL: none
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX session_live ON session (seq) WHERE ended_at IS NULL;
CREATE INDEX session_ended ON session (ended_at) WHERE ended_at IS NOT NULL;

-- Removed roots whose ids still answer repeats; over with their time, whether they were cleared away or not.
CREATE TABLE tombstone (
  id text COLLATE "C" PRIMARY KEY,
  request_id text COLLATE "C",
  type text NOT NULL,
  payload_hash bytea NOT NULL,     -- SHA-256
  expires_at bigint NOT NULL
);
CREATE UNIQUE INDEX tombstone_request ON tombstone (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX tombstone_expiry ON tombstone (expires_at);
