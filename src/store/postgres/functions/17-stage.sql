-- Children that a running job stages, and its progress. Locks: lanes and names that are new, then the running jobs, sorted.

-- Keeps frames of children, in order: items {q job, l lease, f number of the frame, n rows (see 04-insert.sql, numbered from 1
-- within the frame, payloads from its first byte), o, z bytes of the frame, dk a key repeats among them}. Answers per item null (lost),
-- ["staged", total], ["gap", number expected] or ["refused", problem].
CREATE OR REPLACE FUNCTION stage_frames(p_lanes text[], p_names text[], p_bytes bytea, p_items jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path FROM CURRENT
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET plan_cache_mode = force_generic_plan SET lock_timeout = '10s' AS $$
DECLARE
  lanes integer[] := lane_ids(p_lanes);
  names integer[] := name_ids(p_names);
  answers jsonb := '[]';
  item jsonb;
  self job;
BEGIN
  PERFORM lock_live(ARRAY(SELECT (x ->> 'q')::bigint FROM jsonb_array_elements(p_items) x));
  FOR item IN SELECT x FROM jsonb_array_elements(p_items) WITH ORDINALITY AS y(x, at) ORDER BY y.at LOOP
    SELECT * INTO self FROM job j WHERE j.seq = (item ->> 'q')::bigint AND j.lease = item ->> 'l' AND j.state = 3;
    answers := answers || CASE WHEN self.seq IS NULL THEN '[null]'
      ELSE jsonb_build_array(stage_frame(self, item, lanes, names, p_bytes)) END;
  END LOOP;
  RETURN answers;
END $$;

CREATE OR REPLACE FUNCTION lock_live(p_jobs bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM job j WHERE j.seq = ANY(p_jobs) AND j.state = 3 ORDER BY j.seq FOR UPDATE;
END $$;

CREATE OR REPLACE FUNCTION stage_frame(self job, p_item jsonb, p_lanes integer[], p_names integer[], p_bytes bytea) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  last integer := coalesce((
    SELECT f.number FROM frame f WHERE f.seq = self.seq AND f.attempt = self.attempt ORDER BY f.number DESC LIMIT 1), 0);
  nth integer := (p_item ->> 'f')::integer;
  rows jsonb := p_item -> 'n';
  problem text;
BEGIN
  IF nth <= last THEN RETURN jsonb_build_array('staged', self.staged); END IF;
  IF nth > last + 1 THEN RETURN jsonb_build_array('gap', last + 1); END IF;
  problem := declaration_problem(self, p_item || jsonb_build_object('st', self.staged), 0);
  IF problem IS NOT NULL THEN RETURN jsonb_build_array('refused', problem); END IF;
  INSERT INTO frame (seq, attempt, number, nodes, rows, lanes, names, bytes)
  VALUES (self.seq, self.attempt, nth, jsonb_array_length(rows), rows, p_lanes, p_names,
    substr(p_bytes, (p_item ->> 'o')::integer, (p_item ->> 'z')::integer));
  INSERT INTO frame_key (seq, attempt, key) SELECT self.seq, self.attempt, x ->> 'k' FROM jsonb_array_elements(rows) x WHERE x ? 'k';
  UPDATE job SET staged = staged + jsonb_array_length(rows) WHERE seq = self.seq;
  RETURN jsonb_build_array('staged', self.staged + jsonb_array_length(rows));
END $$;

-- The success of a locked job was accepted: its staged children count as open below it and in its chain from now on.
CREATE OR REPLACE FUNCTION expect_staged(self job) RETURNS event LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO barrier AS b (seq, pending_children, pending_heirs) VALUES (self.seq, self.staged, 0)
  ON CONFLICT (seq) DO UPDATE SET pending_children = b.pending_children + excluded.pending_children;
  INSERT INTO expansion (seq, number, done) VALUES (self.seq, 1, 0);
  RETURN ROW(self.seq, self.lane, self.state, self.state, 0, false, NULL, 4, NULL)::event;
END $$;

-- Keeps the newest progress of running jobs, one for each lease.
CREATE OR REPLACE FUNCTION report_progress(
  p_now bigint, p_jobs bigint[], p_leases text[], p_offsets integer[], p_lengths integer[], p_bytes bytea
) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET plan_cache_mode = force_generic_plan SET lock_timeout = '10s' AS $$
DECLARE
  now bigint := now_ms(p_now);
BEGIN
  PERFORM lock_live(p_jobs);
  WITH live AS (
    UPDATE job j SET version = j.version + 1, updated_at = now
    FROM unnest(p_jobs, p_leases, p_offsets, p_lengths) AS u(seq, lease, start, length)
    WHERE j.seq = u.seq AND j.lease = u.lease AND j.state = 3
    RETURNING j.seq, j.attempt, u.start, u.length
  )
  INSERT INTO progress (seq, attempt, at, bytes)
  SELECT l.seq, l.attempt, now, substr(p_bytes, l.start, l.length) FROM live l
  ON CONFLICT (seq) DO UPDATE SET attempt = excluded.attempt, at = excluded.at, bytes = excluded.bytes;
END $$;
