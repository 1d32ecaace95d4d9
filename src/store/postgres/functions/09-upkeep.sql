-- Upkeep: every verb is one bounded step that any broker may run at any time; what another has locked is left to it.
-- All answer {n rows worked on, more, e effects} and what each adds.

-- Makes due jobs claimable, those first that were due first; a group's run is accepted instead. Adds `next`: ms until the next is
-- due. Locks due jobs that nobody else has locked. Counts of applications' transactions are taken into the counters here.
CREATE OR REPLACE FUNCTION promote(p_now bigint, p_max integer) RETURNS json
LANGUAGE plpgsql SET search_path FROM CURRENT
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET plan_cache_mode = force_generic_plan SET lock_timeout = '10s' AS $$
DECLARE
  at bigint := now_ms(p_now);
  groups integer[] := ARRAY(SELECT l.id FROM lane l WHERE l.type = 'conveyor.v1.Group');
  events event[] := take_in_counts();
  found job[];
  self job;
  next job;
  wait bigint;
BEGIN
  found := ARRAY(
    SELECT j FROM due d JOIN job j ON j.seq = d.seq
    WHERE d.run_at <= at AND j.state IN (1, 4) AND j.run_at = d.run_at
    ORDER BY d.run_at, d.seq LIMIT p_max FOR UPDATE OF j SKIP LOCKED);
  FOR was IN 1..4 BY 3 LOOP
    events := events || make_ready(at, was, ARRAY(
      SELECT f.seq FROM unnest(found) f WHERE f.state = was AND NOT f.lane = ANY(groups)));
  END LOOP;
  FOR self IN SELECT * FROM unnest(found) f WHERE f.lane = ANY(groups) ORDER BY f.run_at, f.seq LOOP
    next := self;
    events := events || accept_run(at, self, next);
  END LOOP;
  events := judge_parents(at, events);
  SELECT greatest(0, d.run_at - at) INTO wait FROM due d ORDER BY d.run_at LIMIT 1;
  RETURN json_build_object('n', cardinality(found), 'more', wait IS NOT DISTINCT FROM 0, 'next', wait, 'e', finish(events));
END $$;

-- Moves locked jobs that were SCHEDULED (1) or RETRYING (4) to READY.
CREATE OR REPLACE FUNCTION make_ready(p_now bigint, p_was integer, p_jobs bigint[]) RETURNS event[] LANGUAGE plpgsql AS $$
DECLARE
  events event[];
BEGIN
  IF cardinality(p_jobs) = 0 THEN RETURN '{}'; END IF;
  WITH made AS (
    UPDATE job SET state = 2, version = version + 1, updated_at = p_now WHERE seq = ANY(p_jobs)
    RETURNING seq, lane, neg_priority, run_at, payload_bytes
  ), gone AS (
    DELETE FROM due d USING made m WHERE d.run_at = m.run_at AND d.seq = m.seq
  ), claimable AS (
    INSERT INTO ready SELECT lane, neg_priority, run_at, seq, payload_bytes FROM made
  )
  SELECT array_agg(ROW(NULL, t.lane, p_was, 2, t.n, false, NULL, 0, NULL)::event) INTO events
  FROM (SELECT lane, count(*) AS n FROM made GROUP BY lane) t;
  RETURN events;
END $$;

-- Counts that applications' transactions left apart, as events of this step.
CREATE OR REPLACE FUNCTION take_in_counts() RETURNS event[] LANGUAGE plpgsql AS $$
DECLARE
  events event[];
BEGIN
  IF NOT EXISTS (SELECT 1 FROM counter_apart) THEN RETURN '{}'; END IF;
  WITH taken AS (
    DELETE FROM counter_apart
    WHERE ctid = ANY(ARRAY(SELECT c.ctid FROM counter_apart c LIMIT 10000 FOR UPDATE SKIP LOCKED))
    RETURNING lane, state, n
  )
  SELECT coalesce(array_agg(ROW(NULL, t.lane, 0, t.state, t.n, false, NULL, 0, NULL)::event), '{}') INTO events
  FROM (SELECT lane, state, sum(n) AS n FROM taken GROUP BY lane, state) t;
  RETURN events;
END $$;

-- Carries the end of marked jobs one level up. Locks marked jobs that nobody else has locked, then their parents, sorted.
CREATE OR REPLACE FUNCTION propagate(p_now bigint, p_max integer) RETURNS json
LANGUAGE plpgsql SET search_path FROM CURRENT
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET plan_cache_mode = force_generic_plan SET lock_timeout = '10s' AS $$
DECLARE
  at bigint := now_ms(p_now);
  marked bigint[];
  events event[] := '{}';
BEGIN
  marked := ARRAY(SELECT j.seq FROM job j WHERE j.propagate_due ORDER BY j.seq LIMIT p_max FOR UPDATE SKIP LOCKED);
  IF cardinality(marked) > 0 THEN
    WITH told AS (
      UPDATE job SET propagate_due = false, edge_flipped = true, version = version + 1, updated_at = at WHERE seq = ANY(marked)
      RETURNING seq, lane, state, parent
    )
    SELECT array_agg(ROW(t.seq, t.lane, t.state, t.state, 0, false, NULL, 0, t.parent)::event) INTO events FROM told t;
    events := judge_parents(at, events);
  END IF;
  RETURN json_build_object('n', cardinality(marked), 'more', EXISTS (SELECT 1 FROM job j WHERE j.propagate_due),
    'e', finish(events));
END $$;
