-- Claims. Locks: rows of queues with a limit (sorted, before any job is looked at), then jobs that nobody else has locked.
-- An item is {i session, n epoch, o nonce, g again, w when it was sent (µs of the sender's clock), m most jobs, b most bytes (none: no bound), q: [{n queue, t [types], m most jobs}]}.

-- Locks the queues of a commit's claims that have a limit, so that brokers count their running jobs one after the other.
CREATE OR REPLACE FUNCTION lock_limited(p_claims jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM queue q
  WHERE q.name = ANY(ARRAY(SELECT DISTINCT l ->> 'n' FROM jsonb_array_elements(p_claims) c, jsonb_array_elements(c -> 'q') l))
    AND q.max_concurrency IS NOT NULL
  ORDER BY q.name FOR UPDATE;
END $$;

-- How many more jobs of the queue, which is locked, may run. The step's own moves are in `p_events`, not yet in the counters.
CREATE OR REPLACE FUNCTION room_of(p_queue text, p_most integer, p_events event[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  lanes integer[] := ARRAY(SELECT l.id FROM lane l WHERE l.queue = p_queue);
BEGIN
  RETURN greatest(0, p_most
    - (SELECT coalesce(sum(c.n), 0) FROM counter c WHERE c.lane = ANY(lanes) AND c.state = 3)
    - (SELECT coalesce(sum(CASE WHEN e.state = 3 THEN e.n ELSE -e.n END), 0) FROM unnest(p_events) e
       WHERE e.lane = ANY(lanes) AND e.was <> e.state AND 3 IN (e.was, e.state)));
END $$;

-- Locks the first ready jobs of the lanes together, in claim order, and answers them: those that other brokers hold are passed by.
-- Looks at the ready rows in windows, so that it finds as many as are free without locking one too many.
-- The statement's plan must stay flat however many jobs are ready: test/store/postgres holds it.
CREATE OR REPLACE FUNCTION pick_ready(p_lanes integer[], p_most integer, OUT seqs bigint[], OUT sizes integer[])
LANGUAGE plpgsql AS $$
DECLARE
  after_priority bigint := -9223372036854775808;
  after_run_at bigint := 0;
  after_seq bigint := 0;
  looked integer;
  found_seqs bigint[];
  found_sizes integer[];
BEGIN
  seqs := '{}';
  sizes := '{}';
  LOOP
    WITH looked_at AS MATERIALIZED (
      SELECT r.neg_priority, r.run_at, r.seq
      FROM unnest(p_lanes) AS l(id) CROSS JOIN LATERAL (
        SELECT i.neg_priority, i.run_at, i.seq FROM ready i
        WHERE i.lane = l.id AND (i.neg_priority, i.run_at, i.seq) > (after_priority, after_run_at, after_seq)
        ORDER BY i.neg_priority, i.run_at, i.seq LIMIT p_most
      ) r
      ORDER BY 1, 2, 3 LIMIT p_most
    ), taken AS (
      SELECT j.seq, j.payload_bytes FROM looked_at r JOIN job j ON j.seq = r.seq
      WHERE j.state = 2 ORDER BY r.neg_priority, r.run_at, r.seq LIMIT p_most - cardinality(seqs) FOR UPDATE OF j SKIP LOCKED
    )
    SELECT t.seqs, t.sizes, k.n, k.last[1], k.last[2], k.last[3]
    INTO found_seqs, found_sizes, looked, after_priority, after_run_at, after_seq
    FROM (SELECT coalesce(array_agg(seq), '{}') AS seqs, coalesce(array_agg(payload_bytes), '{}') AS sizes FROM taken) t,
      (SELECT count(*) AS n, max(ARRAY[neg_priority, run_at, seq]) AS last FROM looked_at) k;
    seqs := seqs || found_seqs;
    sizes := sizes || found_sizes;
    EXIT WHEN looked < p_most OR cardinality(seqs) >= p_most;
  END LOOP;
END $$;

-- Leases ready jobs to a session whose row is locked and live: the asked queues in turn, each in the order priority, run time,
-- insertion. Answers the numbers of the jobs in that order.
CREATE OR REPLACE FUNCTION claim_item(p_now bigint, p_item jsonb, p_session bigint, p_events event[], OUT seqs bigint[], OUT events event[])
LANGUAGE plpgsql AS $$
DECLARE
  jobs_most integer := (p_item ->> 'm')::integer;
  bytes_left double precision := coalesce((p_item ->> 'b')::double precision, 'Infinity');
  asked jsonb;
  most integer;
  asked_of record;
  picked record;
  taken integer;
BEGIN
  seqs := '{}';
  events := '{}';
  FOR asked IN SELECT x FROM jsonb_array_elements(p_item -> 'q') WITH ORDINALITY AS y(x, at) ORDER BY y.at LOOP
    SELECT array_agg(DISTINCT l.id) AS lanes, bool_or(q.paused) AS paused, max(q.max_concurrency) AS most INTO asked_of
    FROM jsonb_array_elements_text(asked -> 't') AS t(type)
    JOIN lane l ON l.queue = asked ->> 'n' AND l.type = t.type LEFT JOIN queue q ON q.name = l.queue;
    CONTINUE WHEN asked_of.lanes IS NULL OR asked_of.paused;
    most := least((asked ->> 'm')::bigint, jobs_most - cardinality(seqs), 10000);
    IF asked_of.most IS NOT NULL THEN most := least(most, room_of(asked ->> 'n', asked_of.most, p_events || events)); END IF;
    CONTINUE WHEN most <= 0;
    SELECT * INTO picked FROM pick_ready(asked_of.lanes, most);
    taken := 0;
    FOR at IN 1..cardinality(picked.seqs) LOOP
      bytes_left := bytes_left - picked.sizes[at];
      EXIT WHEN bytes_left < 0 AND cardinality(seqs) + taken > 0;
      taken := at;
    END LOOP;
    IF taken > 0 THEN
      events := events || lease_jobs(p_now, picked.seqs[1:taken], p_session, p_item ->> 'o');
      seqs := seqs || picked.seqs[1:taken];
    END IF;
    EXIT WHEN taken < cardinality(picked.seqs);
  END LOOP;
END $$;

-- A claim is stamped no earlier than the job's run time, though the clock was read before another broker made it ready.
CREATE OR REPLACE FUNCTION lease_jobs(p_now bigint, p_jobs bigint[], p_session bigint, p_nonce text) RETURNS event[] LANGUAGE plpgsql AS $$
DECLARE
  events event[];
BEGIN
  WITH leasing AS (
    UPDATE job SET
      state = 3, attempt = attempt + 1, lease = seq || '.' || p_nonce, session = p_session,
      claimed_at = greatest(p_now, run_at), updated_at = p_now, version = version + 1, sent = 0, recorded = 0, problem = NULL
    WHERE seq = ANY(p_jobs)
    RETURNING seq, lane, neg_priority, run_at, claimed_at
  ), gone AS (
    DELETE FROM ready r USING leasing l
    WHERE r.lane = l.lane AND r.neg_priority = l.neg_priority AND r.run_at = l.run_at AND r.seq = l.seq
  ), held AS (
    INSERT INTO leased (session, seq, claimed_at) SELECT p_session, seq, claimed_at FROM leasing
  )
  SELECT array_agg(ROW(NULL, t.lane, 2, 3, t.n, false, NULL, 0, NULL)::event) INTO events
  FROM (SELECT lane, count(*) AS n FROM leasing GROUP BY lane) t;
  RETURN events;
END $$;

-- What leases say of their jobs, in the order given, their lanes {id: [queue, type, max attempts, time-out]} (null: the server
-- decides), and the payloads end to end. One lease: [number, id, lane, attempt, failures, negated priority, created, payload length]
-- and, when it is not a plain job, [parent, root, role, depth, key, metadata, max attempts, time-out].
CREATE OR REPLACE FUNCTION leases_of(p_jobs bigint[], OUT leases json, OUT lanes json, OUT payloads bytea) LANGUAGE plpgsql AS $$
DECLARE
  of_lanes integer[];
BEGIN
  SELECT json_agg(json_build_array(j.seq, j.id, j.lane, j.attempt, j.failure_count, j.neg_priority, j.created_at,
      coalesce(length(j.bytes), 0), CASE WHEN j.parent IS NULL AND j.metadata IS NULL AND j.max_attempts IS NULL AND j.timeout_ms IS NULL
        THEN NULL ELSE json_build_array((SELECT o.id FROM job o WHERE o.seq = j.parent), (SELECT o.id FROM job o WHERE o.seq = j.root),
          j.role, j.depth, j.key, j.metadata, j.max_attempts, j.timeout_ms) END)),
    string_agg(j.bytes, ''::bytea), array_agg(j.lane)
  INTO leases, payloads, of_lanes
  -- Ordered inside, where the list has the order already: an aggregate that orders (or is DISTINCT) would sort
  -- the payloads themselves, and the others with it.
  FROM (
    SELECT j.*, p.bytes, p.metadata
    FROM unnest(p_jobs) WITH ORDINALITY AS u(seq, at) JOIN job j ON j.seq = u.seq LEFT JOIN payload p ON p.seq = j.seq
    ORDER BY u.at
  ) j;
  SELECT json_object_agg(l.id, json_build_array(l.queue, l.type, q.max_attempts, q.timeout_ms)) INTO lanes
  FROM lane l LEFT JOIN queue q ON q.name = l.queue WHERE l.id = ANY(of_lanes);
END $$;

-- Whether a claim arrives after a later try of it: nobody waits for its answer, so what it leased would never be worked.
CREATE OR REPLACE FUNCTION is_late(p_fences jsonb, p_item jsonb) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN p_fences IS NOT NULL AND EXISTS (
    SELECT 1 FROM jsonb_array_elements(p_fences) f WHERE f ->> 0 = p_item ->> 'o'
      AND (NOT (p_item ->> 'g')::boolean OR (f ->> 1)::bigint > (p_item ->> 'w')::bigint));
END $$;

-- Remembers in the session, which is locked, that a claim was sent again, and when.
CREATE OR REPLACE FUNCTION fence_claim(p_session bigint, p_item jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE session s SET fences = jsonb_build_array(jsonb_build_array(p_item -> 'o', p_item -> 'w')) || coalesce((
    SELECT jsonb_agg(y.f ORDER BY y.at) FROM jsonb_array_elements(s.fences) WITH ORDINALITY AS y(f, at)
    WHERE y.f ->> 0 <> p_item ->> 'o' AND y.at < 16), '[]')
  WHERE s.seq = p_session;
END $$;

-- The claims of a commit, in order. Answers per item null (the session is gone) or its number of leases, and all leases in order.
CREATE OR REPLACE FUNCTION claim_batch(
  p_now bigint, p_claims jsonb, p_events event[],
  OUT counts integer[], OUT leases json, OUT lanes json, OUT payloads bytea, OUT events event[]
) LANGUAGE plpgsql AS $$
DECLARE
  item jsonb;
  holder bigint;
  claimed record;
  seqs bigint[] := '{}';
  again bigint[];
  fences jsonb;
  late boolean;
BEGIN
  counts := '{}';
  events := p_events;
  PERFORM lock_limited(p_claims);
  FOR item IN SELECT x FROM jsonb_array_elements(p_claims) WITH ORDINALITY AS y(x, at) ORDER BY y.at LOOP
    SELECT s.seq, s.fences INTO holder, fences FROM session s
    WHERE s.id = item ->> 'i' AND s.epoch = (item ->> 'n')::integer AND s.ended_at IS NULL;
    IF holder IS NULL THEN
      counts := counts || NULL::integer;
      CONTINUE;
    END IF;
    again := '{}';
    IF (item ->> 'g')::boolean THEN
      again := ARRAY(
        SELECT j.seq FROM leased l JOIN job j ON j.seq = l.seq
        WHERE l.session = holder AND j.state = 3 AND j.lease = j.seq || '.' || (item ->> 'o') ORDER BY j.seq);
    END IF;
    late := is_late(fences, item);
    IF (item ->> 'g')::boolean AND NOT late THEN PERFORM fence_claim(holder, item); END IF;
    IF cardinality(again) = 0 AND NOT late THEN
      SELECT * INTO claimed FROM claim_item(p_now, item, holder, events);
      again := claimed.seqs;
      events := events || claimed.events;
    END IF;
    counts := counts || cardinality(again);
    seqs := seqs || again;
  END LOOP;
  IF cardinality(seqs) > 0 THEN SELECT f.leases, f.lanes, f.payloads INTO leases, lanes, payloads FROM leases_of(seqs) f; END IF;
END $$;
