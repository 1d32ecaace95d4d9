-- Workers' sessions. Locks: sessions (sorted), then the leased jobs of one (sorted), then parents.

-- Locks the sessions that a commit names, so that none of them ends or is taken over while it goes on.
CREATE OR REPLACE FUNCTION lock_sessions(p_renew jsonb, p_claims jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM session s
  WHERE s.id = ANY(ARRAY(SELECT DISTINCT x ->> 'i' FROM jsonb_array_elements(p_renew || p_claims) x))
  ORDER BY s.id FOR NO KEY UPDATE;
END $$;

-- Renews sessions: items {i, n epoch, t ttl, b: [buffered leases]}. Answers per item null (gone) or [[lease, reason]] to be stopped.
CREATE OR REPLACE FUNCTION renew_sessions(p_now bigint, p_renew jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  answers jsonb := '[]';
  item jsonb;
  renewed bigint;
BEGIN
  FOR item IN SELECT x FROM jsonb_array_elements(p_renew) WITH ORDINALITY AS y(x, at) ORDER BY y.at LOOP
    UPDATE session s SET
      expires_at = p_now + (item ->> 't')::bigint,
      buffered = nullif(ARRAY(SELECT jsonb_array_elements_text(item -> 'b')), '{}')
    WHERE s.id = item ->> 'i' AND s.epoch = (item ->> 'n')::integer AND s.ended_at IS NULL
    RETURNING s.seq INTO renewed;
    answers := answers || CASE WHEN renewed IS NULL THEN '[null]' ELSE jsonb_build_array((
      SELECT coalesce(jsonb_agg(jsonb_build_array(j.lease, l.cancel) ORDER BY j.seq), '[]')
      FROM leased l JOIN job j ON j.seq = l.seq WHERE l.session = renewed AND l.cancel <> 0 AND j.state = 3
    )) END;
    renewed := NULL;
  END LOOP;
  RETURN answers;
END $$;

CREATE OR REPLACE FUNCTION open_session(
  p_now bigint, p_id text, p_principal text, p_worker text, p_instance text, p_ttl bigint
) RETURNS boolean LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '10s' AS $$
DECLARE
  at bigint := now_ms(p_now);
BEGIN
  -- The same session may come again when the answer of the first try was lost.
  INSERT INTO session (id, principal, worker, instance, epoch, opened_at, expires_at)
  VALUES (p_id, p_principal, p_worker, p_instance, 1, at, at + p_ttl)
  ON CONFLICT (id) DO NOTHING;
  RETURN FOUND;
END $$;

CREATE OR REPLACE FUNCTION detach_session(p_now bigint, p_id text, p_epoch integer, p_grace bigint) RETURNS void
LANGUAGE sql SET search_path FROM CURRENT SET lock_timeout = '10s' AS $$
  UPDATE session SET expires_at = least(expires_at, now_ms(p_now) + p_grace)
  WHERE id = p_id AND epoch = p_epoch AND ended_at IS NULL
$$;

-- Locks the leased jobs of a session whose row is locked; those whose lease is not in `p_kept` go back free.
CREATE OR REPLACE FUNCTION give_back(p_now bigint, p_session bigint, p_kept text[], OUT freed integer, OUT events event[])
LANGUAGE plpgsql AS $$
DECLARE
  self job;
BEGIN
  freed := 0;
  events := '{}';
  FOREACH self IN ARRAY lock_leased(p_session) LOOP
    CONTINUE WHEN self.lease = ANY(p_kept);
    events := events || end_lease(p_now, '{}', self, 8, '{}');
    freed := freed + 1;
  END LOOP;
  events := judge_parents(p_now, events);
END $$;

-- The running jobs of a session, locked, in insertion order.
CREATE OR REPLACE FUNCTION lock_leased(p_session bigint) RETURNS job[] LANGUAGE plpgsql AS $$
BEGIN
  RETURN ARRAY(
    SELECT j FROM leased l JOIN job j ON j.seq = l.seq
    WHERE l.session = p_session AND j.session = p_session AND j.state = 3 ORDER BY j.seq FOR UPDATE OF j);
END $$;

-- Ends a session whose worker said goodbye: {n leases that went back, e effects}.
CREATE OR REPLACE FUNCTION close_session(p_now bigint, p_id text, p_epoch integer) RETURNS json
LANGUAGE plpgsql SET search_path FROM CURRENT
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET plan_cache_mode = force_generic_plan SET lock_timeout = '10s' AS $$
DECLARE
  at bigint := now_ms(p_now);
  holder bigint;
  given record;
BEGIN
  UPDATE session SET ended_at = at, buffered = NULL, fences = NULL
  WHERE id = p_id AND epoch = p_epoch AND ended_at IS NULL RETURNING seq INTO holder;
  IF holder IS NULL THEN RETURN json_build_object('n', 0, 'e', '{}'::json); END IF;
  SELECT * INTO given FROM give_back(at, holder, '{}');
  RETURN json_build_object('n', given.freed, 'e', finish(given.events));
END $$;

-- Takes over a session for a new stream; leases on both sides stay, the store's alone go back. Null: gone. Else {epoch, kept, e}, a kept
-- lease being [lease, job id, type, queue, payload bytes, time-out (null: the server's), ms since the claim, cancel reason].
CREATE OR REPLACE FUNCTION resume_session(
  p_now bigint, p_id text, p_principal text, p_ttl bigint, p_held text[], p_buffered text[]
) RETURNS json LANGUAGE plpgsql SET search_path FROM CURRENT
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET plan_cache_mode = force_generic_plan SET lock_timeout = '10s' AS $$
DECLARE
  at bigint := now_ms(p_now);
  mine session;
  given record;
  kept json;
BEGIN
  UPDATE session SET epoch = epoch + 1, expires_at = at + p_ttl, buffered = nullif(p_buffered, '{}'), fences = NULL
  WHERE id = p_id AND principal = p_principal AND ended_at IS NULL RETURNING * INTO mine;
  IF mine.seq IS NULL THEN RETURN NULL; END IF;
  SELECT * INTO given FROM give_back(at, mine.seq, p_held);
  SELECT json_agg(json_build_array(j.lease, j.id, n.type, n.queue, j.payload_bytes, coalesce(j.timeout_ms, q.timeout_ms),
    at - j.claimed_at, j.cancel) ORDER BY j.seq) INTO kept
  FROM leased l JOIN job j ON j.seq = l.seq JOIN lane n ON n.id = j.lane LEFT JOIN queue q ON q.name = n.queue
  WHERE l.session = mine.seq;
  RETURN json_build_object('epoch', mine.epoch, 'kept', coalesce(kept, '[]'), 'e', finish(given.events));
END $$;
