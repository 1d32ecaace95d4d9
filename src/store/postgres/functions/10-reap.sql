-- The end of sessions that were not renewed. Locks: expired sessions that nobody else has locked, their leased jobs (sorted), then
-- parents; leases of living sessions only when nobody else has locked them.

-- Deals with at most `max` leases: those of expired sessions in the order of their jobs' insertion, then those that living sessions
-- named as buffered for too long. `p_defaults` as in 05-settle.sql. {n, more, sessions ended, taken [[session, lease]], e effects}.
CREATE OR REPLACE FUNCTION reap(p_now bigint, p_defaults jsonb, p_max integer, p_buffered_max bigint, p_jitter double precision)
RETURNS json
LANGUAGE plpgsql SET search_path FROM CURRENT
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET plan_cache_mode = force_generic_plan SET lock_timeout = '10s' AS $$
DECLARE
  at bigint := now_ms(p_now);
  expired bigint[];
  ended text[];
  held record;
  stale record;
  events event[];
BEGIN
  expired := ARRAY(
    SELECT s.seq FROM session s WHERE s.ended_at IS NULL AND s.expires_at <= at ORDER BY s.id FOR UPDATE SKIP LOCKED);
  SELECT * INTO held FROM reap_leases(at, p_defaults, expired, p_max, p_jitter);
  WITH over AS (
    UPDATE session s SET ended_at = at, buffered = NULL, fences = NULL
    WHERE s.seq = ANY(expired) AND NOT EXISTS (SELECT 1 FROM leased l WHERE l.session = s.seq)
    RETURNING s.id
  )
  SELECT coalesce(array_agg(o.id), '{}') INTO ended FROM over o;
  SELECT * INTO stale FROM reap_buffered(at, p_max - held.dealt, p_buffered_max);
  events := judge_parents(at, held.events || stale.events);
  RETURN json_build_object('n', held.dealt + jsonb_array_length(stale.taken),
    'more', stale.more OR EXISTS (SELECT 1 FROM session s WHERE s.ended_at IS NULL AND s.expires_at <= at),
    'sessions', ended, 'taken', stale.taken, 'e', finish(events));
END $$;

-- What the sessions' last reports named as buffered goes back free, every other lease is a crash.
CREATE OR REPLACE FUNCTION reap_leases(
  p_now bigint, p_defaults jsonb, p_sessions bigint[], p_max integer, p_jitter double precision, OUT dealt integer, OUT events event[]
) LANGUAGE plpgsql AS $$
DECLARE
  self job;
  jitter double precision;
  buffered boolean;
BEGIN
  dealt := 0;
  events := '{}';
  IF cardinality(p_sessions) = 0 THEN RETURN; END IF;
  FOREACH self IN ARRAY ARRAY(
    SELECT j FROM leased l JOIN job j ON j.seq = l.seq
    WHERE l.session = ANY(p_sessions) AND j.session = l.session AND j.state = 3 ORDER BY j.seq LIMIT p_max FOR UPDATE OF j)
  LOOP
    -- The golden-ratio sequence of jitterOf in src/core/backoff.ts.
    jitter := p_jitter + dealt * 0.6180339887498949::double precision;
    -- A session can name leases of another: that says nothing of them.
    buffered := EXISTS (SELECT 1 FROM session s WHERE s.seq = self.session AND self.lease = ANY(s.buffered));
    events := events || end_lease(p_now, p_defaults, self, CASE WHEN buffered THEN 8 ELSE 7 END,
      jsonb_build_object('j', jitter - floor(jitter)));
    dealt := dealt + 1;
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION reap_buffered(
  p_now bigint, p_max integer, p_buffered_max bigint, OUT taken jsonb, OUT more boolean, OUT events event[]
) LANGUAGE plpgsql AS $$
DECLARE
  old bigint[];
  self job;
BEGIN
  taken := '[]';
  events := '{}';
  old := ARRAY(
    SELECT l.seq FROM session s JOIN leased l ON l.session = s.seq JOIN job j ON j.seq = l.seq
    WHERE s.ended_at IS NULL AND s.expires_at > p_now AND s.buffered IS NOT NULL AND l.claimed_at < p_now - p_buffered_max
      AND j.state = 3 AND j.lease = ANY(s.buffered)
    ORDER BY l.seq);
  more := cardinality(old) > p_max;
  FOREACH self IN ARRAY ARRAY(
    SELECT j FROM job j JOIN session s ON s.seq = j.session
    WHERE j.seq = ANY(old[1:p_max]) AND j.state = 3 AND s.ended_at IS NULL AND j.lease = ANY(s.buffered)
    ORDER BY j.seq FOR UPDATE OF j SKIP LOCKED)
  LOOP
    events := events || end_lease(p_now, '{}', self, 8, '{}');
    taken := taken || jsonb_build_array(jsonb_build_array((SELECT s.id FROM session s WHERE s.seq = self.session), self.lease));
  END LOOP;
END $$;
