-- What every write begins and ends with. Nothing here locks jobs.
--
-- Every entry function (commit, the session verbs, the upkeep verbs) is one call, one round trip, one transaction, and locks in
-- this order, each kind sorted: lanes and names that are new; sessions; leased jobs; parents; what is below a locked parent
-- (never waited for: held nodes belong to the holder of their parent, others are skipped when they are locked); rows of queues
-- with a limit or that are new; counters. Claims, promote, propagate and cascade skip what others have locked.
-- Decisions are made after the lock, from rows read again.

-- The time of the step: the server's clock, or the one that tests give.
CREATE OR REPLACE FUNCTION now_ms(p_now bigint) RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT coalesce(p_now, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)
$$;

-- The numbers of lanes given as queue, type, queue, type, …; made when they are new.
CREATE OR REPLACE FUNCTION lane_ids(p_lanes text[]) RETURNS integer[] LANGUAGE plpgsql AS $$
DECLARE
  ids integer[];
  half integer := cardinality(p_lanes) / 2;
BEGIN
  FOR attempt IN 1..2 LOOP
    SELECT coalesce(array_agg(l.id ORDER BY g.at), '{}') INTO ids
    FROM generate_series(1, half) AS g(at)
    JOIN lane l ON l.queue = p_lanes[2 * g.at - 1] AND l.type = p_lanes[2 * g.at];
    EXIT WHEN cardinality(ids) = half;
    INSERT INTO lane (queue, type)
    SELECT p_lanes[2 * g.at - 1], p_lanes[2 * g.at] FROM generate_series(1, half) AS g(at) ORDER BY 1, 2
    ON CONFLICT DO NOTHING;
  END LOOP;
  RETURN ids;
END $$;

-- The numbers of shared texts; made when they are new.
CREATE OR REPLACE FUNCTION name_ids(p_names text[]) RETURNS integer[] LANGUAGE plpgsql AS $$
DECLARE
  ids integer[];
BEGIN
  FOR attempt IN 1..2 LOOP
    SELECT coalesce(array_agg(n.id ORDER BY u.at), '{}') INTO ids
    FROM unnest(p_names) WITH ORDINALITY AS u(text, at) JOIN name n ON n.text = u.text;
    EXIT WHEN cardinality(ids) = cardinality(p_names);
    INSERT INTO name (text) SELECT u FROM unnest(p_names) AS u ORDER BY 1 ON CONFLICT DO NOTHING;
  END LOOP;
  RETURN ids;
END $$;

-- As many new job numbers, rising.
CREATE OR REPLACE FUNCTION job_seqs(p_count integer) RETURNS bigint[] LANGUAGE sql VOLATILE AS $$
  SELECT ARRAY(SELECT nextval('job_seq') FROM generate_series(1, p_count))
$$;

-- Adds up what the step did: writes the counters (its last locks, sorted) and answers the hints:
-- {r: [[queue, type]], e: [[id, state]], c: [[session, lease, reason]], p: propagate is due, k: cascade is due, d: run time}.
-- `p_apart`: the transaction is an application's and may stay open for long.
CREATE OR REPLACE FUNCTION finish(p_events event[], p_apart boolean DEFAULT false) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  fresh record;
  own_stripe smallint := pg_backend_pid() % 16;
BEGIN
  IF cardinality(p_events) = 0 THEN RETURN '{}'; END IF;
  FOR fresh IN
    SELECT l.id, l.queue FROM lane l
    WHERE l.id = ANY(ARRAY(SELECT DISTINCT e.lane FROM unnest(p_events) e WHERE e.was = 0 AND e.n > 0)) AND NOT l.used
    ORDER BY l.queue, l.id
  LOOP
    INSERT INTO queue (name) VALUES (fresh.queue) ON CONFLICT DO NOTHING;
    UPDATE lane SET used = true WHERE id = fresh.id AND NOT used;
  END LOOP;
  IF p_apart THEN
    INSERT INTO counter_apart (lane, state, n)
    SELECT e.lane, e.state, sum(e.n) FROM unnest(p_events) e WHERE e.was <> e.state GROUP BY e.lane, e.state;
  ELSE
    INSERT INTO counter AS c (lane, state, stripe, n)
    SELECT d.lane, d.state, own_stripe, sum(d.n)
    FROM (
      SELECT e.lane, e.was AS state, -e.n AS n FROM unnest(p_events) e WHERE e.was <> e.state AND e.was <> 0
      UNION ALL
      SELECT e.lane, e.state, e.n FROM unnest(p_events) e WHERE e.was <> e.state
    ) d
    GROUP BY d.lane, d.state HAVING sum(d.n) <> 0 ORDER BY d.lane, d.state
    ON CONFLICT (lane, state, stripe) DO UPDATE SET n = c.n + excluded.n;
  END IF;
  RETURN effects_of(p_events);
END $$;

CREATE OR REPLACE FUNCTION effects_of(p_events event[]) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  lanes integer[];
  ended bigint[];
  stops bigint[];
  effects jsonb;
BEGIN
  SELECT array_agg(DISTINCT e.lane) FILTER (WHERE e.state = 2 AND e.was <> 2),
    array_agg(DISTINCT e.seq) FILTER (WHERE e.ended), array_agg(DISTINCT e.seq) FILTER (WHERE e.mark = 3),
    jsonb_build_object('p', bool_or(e.mark = 1), 'k', bool_or(e.mark = 2), 'd', min(e.due))
  INTO lanes, ended, stops, effects FROM unnest(p_events) e;
  IF lanes IS NOT NULL THEN
    effects := effects || jsonb_build_object('r', (
      SELECT jsonb_agg(jsonb_build_array(l.queue, l.type)) FROM lane l WHERE l.id = ANY(lanes)));
  END IF;
  IF ended IS NOT NULL THEN
    effects := effects || jsonb_build_object('e', (
      SELECT jsonb_agg(jsonb_build_array(j.id, j.state)) FROM job j WHERE j.seq = ANY(ended)));
  END IF;
  IF stops IS NOT NULL THEN
    effects := effects || jsonb_build_object('c', (
      SELECT jsonb_agg(jsonb_build_array(s.id, j.lease, j.cancel))
      FROM unnest(stops) AS u(seq) JOIN job j ON j.seq = u.seq JOIN session s ON s.seq = j.session));
  END IF;
  RETURN effects;
END $$;
