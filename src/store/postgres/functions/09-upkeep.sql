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

-- Works off the cascades that were due when it began, in the order of their jobs' insertion, until `max` rows were touched. Locks
-- the parents that nobody else has locked, sorted, then nodes below them that nobody else has locked: a running job whose outcome
-- is being written waits for its parent, so it must not be waited for; its turn comes in the next step.
CREATE OR REPLACE FUNCTION cascade(p_now bigint, p_max integer) RETURNS json
LANGUAGE plpgsql SET search_path FROM CURRENT
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET plan_cache_mode = force_generic_plan SET lock_timeout = '10s' AS $$
DECLARE
  at bigint := now_ms(p_now);
  parents bigint[];
  parent bigint;
  worked integer := 0;
  below record;
  also bigint[] := '{}';
  events event[] := '{}';
BEGIN
  parents := ARRAY(
    SELECT j.seq FROM cascade c JOIN job j ON j.seq = c.seq ORDER BY c.seq LIMIT 1000 FOR UPDATE OF j SKIP LOCKED);
  FOREACH parent IN ARRAY parents LOOP
    EXIT WHEN worked >= p_max;
    SELECT * INTO below FROM cascade_below(at, parent, p_max - worked);
    worked := worked + below.touched;
    events := events || below.events;
    also := also || parent;
  END LOOP;
  events := judge_parents(at, events, also);
  RETURN json_build_object('n', worked, 'more', EXISTS (SELECT 1 FROM cascade), 'e', finish(events));
END $$;

-- The nodes below a job that a due cascade would still touch, in declaration order after a place.
CREATE OR REPLACE FUNCTION cascade_targets(parent job, p_kind smallint, p_after integer, p_max integer) RETURNS bigint[]
LANGUAGE plpgsql AS $$
BEGIN
  RETURN ARRAY(
    SELECT t.seq FROM (
      (SELECT j.seq, j.position FROM job j
       WHERE j.parent = parent.seq AND j.role = 1 AND j.position > p_after
         AND (j.state IN (1, 2, 4, 6) OR j.cancel = 0 AND (j.state = 3 OR j.state = 5 AND j.run = 1))
       ORDER BY j.position LIMIT p_max)
      UNION ALL
      (SELECT j.seq, j.position FROM job j
       WHERE j.parent = parent.seq AND j.role = 2 AND j.position > p_after AND p_kind = 1
         AND (j.trigger = 0 OR below_mode(parent.run, parent.cancel) = 3)
         AND (j.state IN (1, 2, 4, 6) OR j.cancel = 0 AND (j.state = 3 OR j.state = 5 AND j.run = 1))
       ORDER BY j.position LIMIT p_max)
    ) t ORDER BY t.position LIMIT p_max);
END $$;

-- Cancels at most `max` nodes below one locked job; the mark goes when nothing is left to touch.
CREATE OR REPLACE FUNCTION cascade_below(p_now bigint, p_parent bigint, p_max integer, OUT touched integer, OUT events event[])
LANGUAGE plpgsql AS $$
DECLARE
  mark cascade;
  parent job;
  node job;
  targets bigint[];
  mode integer;
  last integer;
BEGIN
  touched := 0;
  events := '{}';
  -- Read now: a cascade above, worked just before, may have asked for more.
  SELECT * INTO mark FROM cascade c WHERE c.seq = p_parent;
  SELECT * INTO parent FROM job j WHERE j.seq = p_parent;
  IF mark.seq IS NULL OR parent.seq IS NULL THEN RETURN; END IF;
  mode := below_mode(parent.run, parent.cancel);
  targets := cascade_targets(parent, mark.kind, mark.position, p_max + 1);
  FOREACH node IN ARRAY ARRAY(
    SELECT j FROM job j
    WHERE j.seq = ANY(targets[1:p_max]) AND (j.state IN (1, 2, 4, 6) OR j.cancel = 0 AND (j.state = 3 OR j.state = 5 AND j.run = 1))
    ORDER BY j.position FOR UPDATE SKIP LOCKED)
  LOOP
    events := events || cancel_job(p_now, node,
      CASE WHEN mark.kind = 2 THEN 6::smallint ELSE reason_below(parent) END, mode);
    touched := touched + 1;
    last := node.position;
  END LOOP;
  IF touched < cardinality(targets[1:p_max]) THEN RETURN; END IF; -- one was locked: the next step begins where this one did
  IF cardinality(targets) <= p_max THEN
    DELETE FROM cascade c WHERE c.seq = p_parent;
  ELSE
    UPDATE cascade c SET position = last WHERE c.seq = p_parent;
  END IF;
END $$;
