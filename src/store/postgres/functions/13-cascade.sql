-- What is due below jobs, in steps: first what a revival brings back (15-revive.sql), then what is cancelled. Locks: the jobs that
-- nobody else has locked, sorted, then nodes below them that nobody else has locked. A running node whose outcome is being written
-- waits for its parent, so it must not be waited for; its turn comes in the next step.

-- Works off what was due when it began, in the order of the jobs' insertion, until `max` rows were touched. A job whose staged
-- children are not all in is left for later.
CREATE OR REPLACE FUNCTION cascade(p_now bigint, p_max integer) RETURNS json
LANGUAGE plpgsql SET search_path FROM CURRENT
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET plan_cache_mode = force_generic_plan SET lock_timeout = '10s' AS $$
DECLARE
  at bigint := now_ms(p_now);
  parents bigint[];
  parent bigint;
  worked integer := 0;
  back record;
  below record;
  also bigint[] := '{}';
  events event[] := '{}';
BEGIN
  parents := ARRAY(
    SELECT j.seq FROM unnest(due_below(1000)) AS d(seq) JOIN job j ON j.seq = d.seq ORDER BY j.seq FOR UPDATE OF j SKIP LOCKED);
  FOREACH parent IN ARRAY parents LOOP
    EXIT WHEN worked >= p_max;
    SELECT * INTO back FROM bring_back_below(at, parent, p_max - worked);
    worked := worked + back.touched;
    events := events || back.events;
    also := also || parent;
    CONTINUE WHEN back.more OR worked >= p_max;
    SELECT * INTO below FROM cascade_below(at, parent, p_max - worked);
    worked := worked + below.touched;
    events := events || below.events;
  END LOOP;
  events := judge_parents(at, events, also);
  RETURN json_build_object('n', worked, 'more', due_below(1) <> '{}', 'e', finish(events));
END $$;

-- The first jobs with something due below them that can be worked now.
CREATE OR REPLACE FUNCTION due_below(p_max integer) RETURNS bigint[] LANGUAGE plpgsql AS $$
BEGIN
  RETURN ARRAY(
    SELECT d.seq FROM (
      (SELECT c.seq FROM cascade c WHERE NOT EXISTS (SELECT 1 FROM expansion e WHERE e.seq = c.seq) ORDER BY c.seq LIMIT p_max)
      UNION
      (SELECT b.seq FROM barrier b
       WHERE b.reviving <> 0 AND NOT EXISTS (SELECT 1 FROM expansion e WHERE e.seq = b.seq) ORDER BY b.seq LIMIT p_max)
    ) d ORDER BY d.seq LIMIT p_max);
END $$;

-- The nodes below a job that a due cascade would still touch, in declaration order after a place.
CREATE OR REPLACE FUNCTION cascade_targets(p_parent bigint, p_kind smallint, p_mode integer, p_after integer, p_max integer)
RETURNS bigint[] LANGUAGE plpgsql AS $$
BEGIN
  RETURN ARRAY(
    SELECT t.seq FROM (
      (SELECT j.seq, j.position FROM job j
       WHERE j.parent = p_parent AND j.role = 1 AND j.position > p_after
         AND is_cancellable(j.state, j.run, j.cancel, j.cancel_heirs, p_mode = 3)
       ORDER BY j.position LIMIT p_max)
      UNION ALL
      (SELECT j.seq, j.position FROM job j
       WHERE j.parent = p_parent AND j.role = 2 AND j.position > p_after AND p_kind = 1 AND (j.trigger = 0 OR p_mode = 3)
         AND is_cancellable(j.state, j.run, j.cancel, j.cancel_heirs, p_mode = 3)
       ORDER BY j.position LIMIT p_max)
    ) t ORDER BY t.position LIMIT p_max);
END $$;

-- Cancels at most `max` nodes below one locked job; the mark goes when nothing is left to touch.
CREATE OR REPLACE FUNCTION cascade_below(p_now bigint, p_parent bigint, p_max integer, OUT touched integer, OUT events event[])
LANGUAGE plpgsql AS $$
DECLARE
  mark cascade;
  parent job;
  nodes job[];
  node job;
  targets bigint[];
  mode integer;
  reason smallint;
BEGIN
  touched := 0;
  events := '{}';
  -- Read now: a cascade above, worked just before, may have asked for more.
  SELECT * INTO mark FROM cascade c WHERE c.seq = p_parent;
  SELECT * INTO parent FROM job j WHERE j.seq = p_parent;
  IF mark.seq IS NULL OR parent.seq IS NULL THEN RETURN; END IF;
  mode := below_mode(parent);
  reason := CASE WHEN mark.kind = 2 THEN 6 ELSE reason_below(parent) END;
  targets := cascade_targets(p_parent, mark.kind, mode, mark.position, p_max + 1);
  nodes := ARRAY(
    SELECT j FROM job j
    WHERE j.seq = ANY(targets[1:p_max]) AND is_cancellable(j.state, j.run, j.cancel, j.cancel_heirs, mode = 3)
    ORDER BY j.position FOR UPDATE SKIP LOCKED);
  touched := cardinality(nodes);
  events := cancel_leaves(p_now, nodes, (CASE WHEN mode = 3 THEN 4 ELSE 3 END)::smallint, reason);
  FOREACH node IN ARRAY nodes LOOP
    CONTINUE WHEN is_waiting_leaf(node.state, node.below);
    events := events || cancel_job(p_now, node, reason, mode);
  END LOOP;
  IF touched < cardinality(targets[1:p_max]) THEN RETURN; END IF; -- one was locked: the next step begins where this one did
  IF cardinality(targets) <= p_max THEN
    DELETE FROM cascade c WHERE c.seq = p_parent;
  ELSE
    UPDATE cascade c SET position = (nodes[touched]).position WHERE c.seq = p_parent;
  END IF;
END $$;

CREATE OR REPLACE FUNCTION is_waiting_leaf(state smallint, below boolean) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT state IN (1, 2, 4, 6) AND NOT below
$$;

-- The usual case, all at once, as cancel_job does it one by one: those of the locked nodes that wait and have nothing below them.
CREATE OR REPLACE FUNCTION cancel_leaves(p_now bigint, p_nodes job[], p_run smallint, p_reason smallint) RETURNS event[]
LANGUAGE plpgsql AS $$
DECLARE
  events event[];
BEGIN
  WITH leaf AS MATERIALIZED (
    SELECT n.seq, n.lane, n.state, n.neg_priority, n.run_at, n.parent FROM unnest(p_nodes) n WHERE is_waiting_leaf(n.state, n.below)
  ), over AS (
    UPDATE job j SET
      version = j.version + 1, updated_at = p_now, state = 9, hold = 0, run = p_run, reason = p_reason, ran_at = p_now,
      finished_at = p_now, edge_flipped = true
    FROM leaf l WHERE j.seq = l.seq
  ), unready AS (
    DELETE FROM ready r USING leaf l
    WHERE l.state = 2 AND r.lane = l.lane AND r.neg_priority = l.neg_priority AND r.run_at = l.run_at AND r.seq = l.seq
  ), undue AS (
    DELETE FROM due d USING leaf l WHERE l.state IN (1, 4) AND d.run_at = l.run_at AND d.seq = l.seq
  )
  SELECT ARRAY(SELECT ROW(NULL, l.lane, l.state, 9, count(*), false, NULL, 0, NULL)::event FROM leaf l GROUP BY l.lane, l.state)
    || ARRAY(SELECT ROW(l.seq, l.lane, 9, 9, 0, true, NULL, 0, l.parent)::event FROM leaf l)
  INTO events;
  RETURN events;
END $$;
