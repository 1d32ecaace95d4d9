-- What every write begins and ends with. Nothing here locks jobs.
--
-- Every entry function (commit, the session verbs, the upkeep verbs) is one call, one round trip, one transaction, and locks in
-- this order, each kind sorted: lanes and names that are new (one lock for all); sessions; leased jobs; parents; what is below a locked parent
-- (never waited for: held nodes belong to the holder of their parent, others are skipped when they are locked); rows of queues
-- with a limit or that are new; counters. Claims, promote, propagate and cascade skip what others have locked.
-- Decisions are made after the lock, from rows read again.
-- What users ask for keeps to it: a cancel (14-cancel.sql) goes from the jobs that wait or run to their parents; a retry (16-retry.sql)
-- and a removal (19-remove.sql) take ended jobs upwards, since whoever holds one (propagate) waits at most for its parent.
--
-- An application's transaction (20-enqueue.sql) may stay open for long: besides the ids of its own jobs it locks nothing that a
-- broker waits for. What it would change for all (lanes, queues, counters) it leaves apart, and promote takes it in.

-- The time of the step: the server's clock, or the one that tests give.
CREATE OR REPLACE FUNCTION now_ms(p_now bigint) RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT coalesce(p_now, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)
$$;

-- The numbers of lanes given as queue, type, queue, type, …; made when they are new. `p_apart`: by an application's transaction.
CREATE OR REPLACE FUNCTION lane_ids(p_lanes text[], p_apart boolean DEFAULT false) RETURNS integer[] LANGUAGE plpgsql AS $$
DECLARE
  ids integer[] := known_lanes(p_lanes);
BEGIN
  IF array_position(ids, NULL) IS NULL THEN RETURN ids; END IF;
  IF NOT p_apart THEN PERFORM lock_new(); END IF;
  INSERT INTO lane (queue, type)
  SELECT p_lanes[2 * g.at - 1], p_lanes[2 * g.at] FROM generate_series(1, cardinality(p_lanes) / 2) AS g(at)
  WHERE NOT EXISTS (SELECT 1 FROM lane l WHERE l.queue = p_lanes[2 * g.at - 1] AND l.type = p_lanes[2 * g.at]);
  RETURN known_lanes(p_lanes);
END $$;

CREATE OR REPLACE FUNCTION known_lanes(p_lanes text[]) RETURNS integer[] LANGUAGE plpgsql AS $$
BEGIN
  RETURN ARRAY(
    SELECT (SELECT min(l.id) FROM lane l WHERE l.queue = p_lanes[2 * g.at - 1] AND l.type = p_lanes[2 * g.at])
    FROM generate_series(1, cardinality(p_lanes) / 2) AS g(at) ORDER BY g.at);
END $$;

-- The numbers of shared texts; made when they are new.
CREATE OR REPLACE FUNCTION name_ids(p_names text[], p_apart boolean DEFAULT false) RETURNS integer[] LANGUAGE plpgsql AS $$
DECLARE
  ids integer[] := known_names(p_names);
BEGIN
  IF array_position(ids, NULL) IS NULL THEN RETURN ids; END IF;
  IF NOT p_apart THEN PERFORM lock_new(); END IF;
  INSERT INTO name (text) SELECT u.text FROM unnest(p_names) AS u(text) WHERE NOT EXISTS (SELECT 1 FROM name n WHERE n.text = u.text);
  RETURN known_names(p_names);
END $$;

CREATE OR REPLACE FUNCTION known_names(p_names text[]) RETURNS integer[] LANGUAGE plpgsql AS $$
BEGIN
  RETURN ARRAY(
    SELECT (SELECT min(n.id) FROM name n WHERE n.text = u.text) FROM unnest(p_names) WITH ORDINALITY AS u(text, at) ORDER BY u.at);
END $$;

-- Brokers make lanes and names one after the other, so that two of them do not make the same twice.
CREATE OR REPLACE FUNCTION lock_new() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('conveyor lanes and names of ' || current_schema(), 0));
END $$;

-- As many new job numbers, rising.
CREATE OR REPLACE FUNCTION job_seqs(p_count integer) RETURNS bigint[] LANGUAGE sql VOLATILE AS $$
  SELECT ARRAY(SELECT nextval('job_seq') FROM generate_series(1, p_count))
$$;

-- Adds up what the step did: writes the counters (its last locks, sorted) and answers the hints:
-- {r: [[queue, type]], e: [[id, state]], c: [[session, lease, reason]], p: propagate is due, k: cascade is due, x: expand is due,
-- d: run time}.
-- `p_apart`: the transaction is an application's and may stay open for long.
CREATE OR REPLACE FUNCTION finish(p_events event[], p_apart boolean DEFAULT false) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  told record;
  effects jsonb;
  fresh integer[];
BEGIN
  IF cardinality(p_events) = 0 THEN RETURN '{}'; END IF;
  SELECT array_agg(DISTINCT e.lane) FILTER (WHERE e.state = 2 AND e.was <> 2) AS readied,
    array_agg(DISTINCT e.lane) FILTER (WHERE e.was = 0 AND e.n > 0) AS grown,
    array_agg(DISTINCT e.seq) FILTER (WHERE e.ended) AS ended, array_agg(DISTINCT e.seq) FILTER (WHERE e.mark = 3) AS stops,
    bool_or(e.mark = 1) AS p, bool_or(e.mark = 2) AS k, bool_or(e.mark = 4) AS x, min(e.due) AS d
  INTO told FROM unnest(p_events) e;
  effects := jsonb_build_object('p', told.p, 'k', told.k, 'x', told.x, 'd', told.d);
  IF told.readied IS NOT NULL OR told.grown IS NOT NULL THEN
    SELECT array_agg(l.id ORDER BY l.queue, l.id) FILTER (WHERE NOT l.used AND l.id = ANY(told.grown)),
      effects || jsonb_build_object('r', jsonb_agg(DISTINCT jsonb_build_array(l.queue, l.type)) FILTER (WHERE l.id = ANY(told.readied)))
    INTO fresh, effects FROM lane l WHERE l.id = ANY(told.readied || told.grown);
    IF fresh IS NOT NULL AND NOT p_apart THEN PERFORM use_lanes(fresh); END IF;
  END IF;
  IF told.ended IS NOT NULL THEN
    effects := effects || jsonb_build_object('e', (
      SELECT jsonb_agg(jsonb_build_array(j.id, j.state)) FROM job j WHERE j.seq = ANY(told.ended)));
  END IF;
  IF told.stops IS NOT NULL THEN
    effects := effects || jsonb_build_object('c', (
      SELECT jsonb_agg(jsonb_build_array(s.id, j.lease, j.cancel))
      FROM unnest(told.stops) AS u(seq) JOIN job j ON j.seq = u.seq JOIN session s ON s.seq = j.session));
  END IF;
  IF p_apart THEN
    INSERT INTO counter_apart (lane, state, n)
    SELECT e.lane, e.state, sum(e.n) FROM unnest(p_events) e WHERE e.was <> e.state GROUP BY e.lane, e.state;
  ELSE
    INSERT INTO counter AS c (lane, state, stripe, n)
    SELECT e.lane, m.state, pg_backend_pid() % 16, sum(m.n)
    FROM unnest(p_events) e CROSS JOIN LATERAL (VALUES (e.was, -e.n), (e.state, e.n)) AS m(state, n)
    WHERE e.was <> e.state AND m.state <> 0
    GROUP BY e.lane, m.state HAVING sum(m.n) <> 0 ORDER BY e.lane, m.state
    ON CONFLICT (lane, state, stripe) DO UPDATE SET n = c.n + excluded.n;
  END IF;
  RETURN effects;
END $$;

-- Lanes got their first jobs: their queues exist from now on.
CREATE OR REPLACE FUNCTION use_lanes(p_lanes integer[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  fresh integer;
BEGIN
  FOREACH fresh IN ARRAY p_lanes LOOP
    INSERT INTO queue (name) SELECT l.queue FROM lane l WHERE l.id = fresh ON CONFLICT DO NOTHING;
    UPDATE lane SET used = true WHERE id = fresh AND NOT used;
  END LOOP;
END $$;
