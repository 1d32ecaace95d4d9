-- Removing what is old. Locks: marked roots and lists that nobody else has locked, roots of those lists and jobs of their chains that
-- nobody else has locked.

-- Removes at most `max` jobs: of chains that are being removed, then of those whose retention is over ({completedMs, cancelledMs,
-- deadMs} where the queue sets none), the queues by name, in each the completed, dead and cancelled ones, what ended first in front.
-- Then forgets what need not be known any more.
CREATE OR REPLACE FUNCTION prune(p_now bigint, p_retention jsonb, p_max integer) RETURNS json
LANGUAGE plpgsql SET search_path FROM CURRENT
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET plan_cache_mode = force_generic_plan SET lock_timeout = '10s' AS $$
DECLARE
  at bigint := now_ms(p_now);
  going bigint[] := '{}';
  roots bigint[] := ARRAY(
    SELECT j.seq FROM unnest(ARRAY(SELECT p.root FROM pruning p ORDER BY p.root LIMIT p_max)) AS d(seq) JOIN job j ON j.seq = d.seq
    ORDER BY j.seq FOR UPDATE OF j SKIP LOCKED);
  root bigint;
  due record;
BEGIN
  FOREACH root IN ARRAY roots LOOP
    EXIT WHEN cardinality(going) >= p_max;
    going := going || next_to_go(root, p_max - cardinality(going));
  END LOOP;
  FOR due IN SELECT * FROM due_lists(at, p_retention) LOOP
    EXIT WHEN cardinality(going) >= p_max;
    going := going || prune_lists(due.lanes, due.state, due.until, p_max - cardinality(going));
  END LOOP;
  PERFORM remove_jobs(at, going);
  PERFORM forget_old(at, p_max);
  RETURN json_build_object('n', cardinality(going),
    'more', EXISTS (SELECT 1 FROM pruning) OR has_due_roots(at, p_retention), 'e', '{}'::json);
END $$;

-- Queues with roots of which some ended so long ago that they are due, with their lanes, state by state.
CREATE OR REPLACE FUNCTION due_lists(p_now bigint, p_retention jsonb)
RETURNS TABLE (queue text, lanes integer[], state smallint, until bigint) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY
  SELECT d.queue, array_agg(d.lane), d.state, d.until FROM (
    SELECT l.queue, l.id AS lane, s.state, s.nth, p_now - CASE s.state
        WHEN 7 THEN coalesce(q.completed_retention_ms, (p_retention ->> 'completedMs')::bigint)
        WHEN 8 THEN coalesce(q.dead_retention_ms, (p_retention ->> 'deadMs')::bigint)
        ELSE coalesce(q.cancelled_retention_ms, (p_retention ->> 'cancelledMs')::bigint)
      END AS until
    FROM lane l LEFT JOIN queue q ON q.name = l.queue
    CROSS JOIN (VALUES (7::smallint, 1), (8::smallint, 2), (9::smallint, 3)) AS s(state, nth)
  ) d
  -- The first one, as a value: one look into the index, whatever is known of the table.
  WHERE (SELECT e.finished_at FROM ended e WHERE e.lane = d.lane AND e.state = d.state ORDER BY e.finished_at LIMIT 1) <= d.until
  GROUP BY d.queue, d.state, d.nth, d.until ORDER BY d.queue COLLATE "C", d.nth;
END $$;

-- Whether one of the lists names a root that is due.
CREATE OR REPLACE FUNCTION has_due_roots(p_now bigint, p_retention jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  RETURN EXISTS (
    SELECT 1 FROM due_lists(p_now, p_retention) d CROSS JOIN LATERAL unnest(d.lanes) AS l(id) CROSS JOIN LATERAL (
      SELECT e.finished_at, e.roots FROM ended e WHERE e.lane = l.id AND e.state = d.state AND e.finished_at <= d.until OFFSET 0
    ) e CROSS JOIN LATERAL unnest(e.roots) AS r(seq)
    WHERE stays_ended(r.seq, d.state, e.finished_at));
END $$;

-- Whether a root that a list names is there as it was told of, and not being removed already.
CREATE OR REPLACE FUNCTION stays_ended(p_seq bigint, p_state smallint, p_finished_at bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  RETURN EXISTS (SELECT 1 FROM job j WHERE j.seq = p_seq AND j.state = p_state AND j.finished_at = p_finished_at)
    AND NOT EXISTS (SELECT 1 FROM pruning p WHERE p.root = p_seq);
END $$;

-- The next jobs to go, at most `max`, of chains that ended so in these lanes by then.
CREATE OR REPLACE FUNCTION prune_lists(p_lanes integer[], p_state smallint, p_until bigint, p_max integer) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
  lists tid[] := lock_lists(p_lanes, p_state, p_until, p_max);
  found bigint[];
  free job[];
  root job;
  seen bigint[] := '{}';
  going bigint[] := '{}';
BEGIN
  found := ARRAY(
    SELECT r.seq FROM ended e CROSS JOIN LATERAL unnest(e.roots) AS r(seq)
    WHERE e.ctid = ANY(lists) AND stays_ended(r.seq, e.state, e.finished_at)
    GROUP BY e.finished_at, r.seq ORDER BY e.finished_at, r.seq LIMIT p_max);
  free := ARRAY(SELECT j FROM job j WHERE j.seq = ANY(found) AND j.state = p_state ORDER BY j.finished_at, j.seq FOR UPDATE SKIP LOCKED);
  FOREACH root IN ARRAY free LOOP
    EXIT WHEN cardinality(going) >= p_max;
    going := going || CASE WHEN root.below THEN next_to_go(root.seq, p_max - cardinality(going)) ELSE ARRAY[root.seq] END;
    seen := seen || root.seq;
  END LOOP;
  PERFORM shorten_lists(lists, seen);
  RETURN going;
END $$;

-- The first lists of these lanes, those of one time all or none, that nobody else has locked.
CREATE OR REPLACE FUNCTION lock_lists(p_lanes integer[], p_state smallint, p_until bigint, p_max integer) RETURNS tid[]
LANGUAGE plpgsql AS $$
BEGIN
  RETURN ARRAY(
    SELECT e.ctid FROM ended e WHERE e.ctid = ANY(ARRAY(
      SELECT d.ctid FROM unnest(p_lanes) AS l(id) CROSS JOIN LATERAL (
        SELECT e.ctid, e.finished_at FROM ended e
        WHERE e.lane = l.id AND e.state = p_state AND e.finished_at <= p_until
        ORDER BY e.finished_at FETCH FIRST (p_max) ROWS WITH TIES
      ) d ORDER BY d.finished_at FETCH FIRST (p_max) ROWS WITH TIES))
    FOR UPDATE SKIP LOCKED);
END $$;

-- Takes out of locked lists the roots that were seen to, are gone or did not stay ended; removes what is empty then.
CREATE OR REPLACE FUNCTION shorten_lists(p_lists tid[], p_seen bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  WITH short AS MATERIALIZED (
    SELECT e.ctid AS tid, ARRAY(
      SELECT r.seq FROM unnest(e.roots) AS r(seq)
      WHERE NOT r.seq = ANY(p_seen) AND stays_ended(r.seq, e.state, e.finished_at)) AS roots
    FROM ended e WHERE e.ctid = ANY(p_lists)
  ), emptied AS (
    DELETE FROM ended e WHERE e.ctid = ANY(ARRAY(SELECT s.tid FROM short s WHERE s.roots = '{}'))
  )
  UPDATE ended e SET roots = s.roots FROM short s
  WHERE e.ctid = s.tid AND s.roots <> '{}' AND cardinality(s.roots) < cardinality(e.roots);
END $$;

-- Forgets removed roots whose time is over, what was staged in vain, and ended sessions that no history names: those that ended well before the oldest
-- job came. At most `max` of each.
CREATE OR REPLACE FUNCTION forget_old(p_now bigint, p_max integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  oldest bigint := coalesce((SELECT j.created_at FROM job j ORDER BY j.seq LIMIT 1), p_now);
BEGIN
  DELETE FROM tombstone WHERE id = ANY(ARRAY(
    SELECT t.id FROM tombstone t WHERE t.expires_at <= p_now ORDER BY t.expires_at LIMIT p_max FOR UPDATE SKIP LOCKED));
  PERFORM drop_frames(p_max);
  DELETE FROM session WHERE seq = ANY(ARRAY(
    SELECT s.seq FROM session s WHERE s.ended_at < oldest - 3600000 ORDER BY s.ended_at LIMIT p_max FOR UPDATE SKIP LOCKED));
END $$;

-- Clears away what attempts staged that ended otherwise: of each at most `max` keys and some of its frames, which are large, until
-- enough is gone for one step.
CREATE OR REPLACE FUNCTION drop_frames(p_max integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  old frame_unwanted;
  dropped integer;
  frames_left integer := 100;
  keys_left integer := 10 * p_max;
BEGIN
  FOR old IN SELECT * FROM frame_unwanted ORDER BY seq, attempt LIMIT 100 FOR UPDATE SKIP LOCKED LOOP
    EXIT WHEN frames_left <= 0 OR keys_left <= 0;
    DELETE FROM frame f WHERE f.seq = old.seq AND f.attempt = old.attempt AND f.number = ANY(ARRAY(
      SELECT g.number FROM frame g WHERE g.seq = old.seq AND g.attempt = old.attempt ORDER BY g.number LIMIT 20));
    GET DIAGNOSTICS dropped = ROW_COUNT;
    frames_left := frames_left - dropped;
    DELETE FROM frame_key k WHERE k.seq = old.seq AND k.attempt = old.attempt AND k.key = ANY(ARRAY(
      SELECT l.key FROM frame_key l WHERE l.seq = old.seq AND l.attempt = old.attempt ORDER BY l.key LIMIT p_max));
    GET DIAGNOSTICS dropped = ROW_COUNT;
    keys_left := keys_left - dropped;
    DELETE FROM frame_unwanted u WHERE u.seq = old.seq AND u.attempt = old.attempt
      AND NOT EXISTS (SELECT 1 FROM frame f WHERE f.seq = old.seq AND f.attempt = old.attempt)
      AND NOT EXISTS (SELECT 1 FROM frame_key k WHERE k.seq = old.seq AND k.attempt = old.attempt);
  END LOOP;
END $$;
