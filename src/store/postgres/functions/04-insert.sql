-- Inserts. Rows come as a JSON list with short names (encode-job.ts writes them):
--   s slot of its number · t tree of the item · id · l lane (from 1) · g it is a Group root · p negated priority (none: the parent's) ·
--   a run at · d delay · h hold · sc schema id, pr principal (names, from 1) · rq request id · ma, to, bo options · o, z payload ·
--   m metadata (none: the parent's; '': none) · pa, rt slots of parent and root (none: the declaring job) · ro, dp, po, k, po2 policy,
--   tr, ar edge · c, e children and heirs below it · n nodes of its chain.
-- Locks: an id or request id that another transaction is inserting is waited for (by a commit for up to three seconds in all); rows go
-- in by id, so that two batches meet in order.

-- Inserts rows that nothing stands in the way of; answers how many went in, since an id may be taken meanwhile.
CREATE OR REPLACE FUNCTION insert_rows(
  p_now bigint, p_rows jsonb, p_seqs bigint[], p_lanes integer[], p_names integer[], p_bytes bytea,
  p_parent job, p_first integer, p_metadata text, OUT inserted bigint, OUT events event[]
) LANGUAGE plpgsql AS $$
BEGIN
  WITH new AS MATERIALIZED (
    SELECT p_seqs[x.s] AS seq, x.*, t.run_at, CASE
        WHEN x.h > 0 THEN 6
        WHEN t.run_at > p_now THEN 1
        WHEN x.g THEN CASE WHEN x.c + x.e > 0 THEN 5 ELSE 7 END
        ELSE 2
      END AS state
    FROM jsonb_to_recordset(p_rows) AS x(
      s integer, id text, l integer, g boolean, p bigint, a bigint, d bigint, h smallint, sc integer, pr integer, rq text,
      ma integer, "to" bigint, bo text, z integer, pa integer, rt integer, ro smallint, dp smallint, po integer, k text,
      po2 smallint, tr smallint, ar boolean, c integer, e integer)
    CROSS JOIN LATERAL (
      SELECT greatest(p_now, coalesce(x.a, 0)) + CASE WHEN x.h > 0 THEN 0 ELSE coalesce(x.d, 0) END AS run_at
    ) t
  ), put AS (
    INSERT INTO job (
      seq, id, lane, state, hold, neg_priority, run_at, start_at, delay_ms, created_at, updated_at, run, ran_at, finished_at,
      parent, root, role, depth, position, key, policy, trigger, as_result, below,
      max_attempts, timeout_ms, backoff, schema_id, principal, request_id, payload_bytes)
    SELECT n.seq, n.id, p_lanes[n.l], n.state, coalesce(n.h, 0), coalesce(n.p, p_parent.neg_priority, 0), n.run_at,
      CASE WHEN n.ro > 0 THEN n.a END, n.d, p_now, p_now,
      CASE WHEN n.state IN (5, 7) THEN 1 ELSE 0 END, CASE WHEN n.state IN (5, 7) THEN p_now END,
      CASE WHEN n.state = 7 THEN p_now END,
      coalesce(p_seqs[n.pa], p_parent.seq), coalesce(p_seqs[n.rt], p_parent.root, p_parent.seq),
      coalesce(n.ro, 0), coalesce(n.dp, p_parent.depth + 1, 0), coalesce(n.po, 0) + p_first, n.k,
      coalesce(n.po2, 0), coalesce(n.tr, 0), coalesce(n.ar, false), coalesce(n.c + n.e > 0, false),
      n.ma, n."to", n.bo, p_names[n.sc], p_names[n.pr], n.rq, n.z
    FROM new n ORDER BY n.id, n.s
    ON CONFLICT DO NOTHING
    RETURNING job.seq, job.lane, job.state, job.neg_priority, job.run_at, job.payload_bytes
  ), claimable AS (
    INSERT INTO ready SELECT lane, neg_priority, run_at, seq, payload_bytes FROM put WHERE state = 2
  ), later AS (
    INSERT INTO due SELECT run_at, seq FROM put WHERE state = 1
  ), over AS (
    INSERT INTO ended SELECT lane, state, p_now, array_agg(seq) FROM put WHERE state = 7 GROUP BY lane, state
  )
  SELECT coalesce(sum(f.n), 0),
    coalesce(array_agg(ROW(f.seq, f.lane, 0, f.state, f.n, f.seq IS NOT NULL, f.due, 0, NULL)::event), '{}')
  INTO inserted, events
  FROM (
    SELECT CASE WHEN state IN (5, 7) THEN seq END AS seq, lane, state, count(*)::integer AS n,
      min(run_at) FILTER (WHERE state = 1) AS due
    FROM put GROUP BY 1, 2, 3
  ) f;
  INSERT INTO payload (seq, bytes, metadata)
  SELECT p_seqs[x.s], substr(p_bytes, x.o, x.z), nullif(coalesce(x.m, p_metadata), '')
  FROM jsonb_to_recordset(p_rows) AS x(s integer, o integer, z integer, m text)
  WHERE inserted = jsonb_array_length(p_rows) OR EXISTS (SELECT 1 FROM job j WHERE j.seq = p_seqs[x.s]);
END $$;

-- What is below the rows of a tree.
CREATE OR REPLACE FUNCTION insert_barriers(p_rows jsonb, p_seqs bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO barrier (seq, pending_children, pending_heirs)
  SELECT p_seqs[x.s], x.c, x.e FROM jsonb_to_recordset(p_rows) AS x(s integer, c integer, e integer) WHERE x.c + x.e > 0;
  INSERT INTO chain (root, stripe, nodes)
  SELECT p_seqs[x.s], 0, x.n FROM jsonb_to_recordset(p_rows) AS x(s integer, n integer) WHERE x.n > 1;
END $$;

-- The job that has the id or else the request id of a new one, or had it and is remembered: {id, by: "id" | "request", same: same
-- type and payload}; NULL: none.
CREATE OR REPLACE FUNCTION holder_of(p_now bigint, p_row jsonb, p_lanes integer[], p_bytes bytea) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  own_type text := (SELECT l.type FROM lane l WHERE l.id = p_lanes[(p_row ->> 'l')::integer]);
  own_bytes bytea := substr(p_bytes, (p_row ->> 'o')::integer, (p_row ->> 'z')::integer);
  holder jsonb;
BEGIN
  SELECT jsonb_build_object('id', j.id, 'by', 'id', 'same', l.type = own_type AND p.bytes = own_bytes) INTO holder
  FROM job j JOIN lane l ON l.id = j.lane JOIN payload p ON p.seq = j.seq WHERE j.id = p_row ->> 'id';
  IF holder IS NULL THEN
    SELECT jsonb_build_object('id', t.id, 'by', 'id', 'same', t.type = own_type AND t.payload_hash = sha256(own_bytes)) INTO holder
    FROM tombstone t WHERE t.id = p_row ->> 'id' AND t.expires_at > p_now;
  END IF;
  IF holder IS NOT NULL OR NOT p_row ? 'rq' THEN RETURN holder; END IF;
  SELECT jsonb_build_object('id', j.id, 'by', 'request', 'same', l.type = own_type AND p.bytes = own_bytes) INTO holder
  FROM job j JOIN lane l ON l.id = j.lane JOIN payload p ON p.seq = j.seq WHERE j.request_id = p_row ->> 'rq';
  IF holder IS NULL THEN
    SELECT jsonb_build_object('id', t.id, 'by', 'request', 'same', t.type = own_type AND t.payload_hash = sha256(own_bytes)) INTO holder
    FROM tombstone t WHERE t.request_id = p_row ->> 'rq' AND t.expires_at > p_now;
  END IF;
  RETURN holder;
END $$;

-- Whether one of these ids or request ids is that of a removed root which is still remembered.
CREATE OR REPLACE FUNCTION is_remembered(p_now bigint, p_ids text[], p_requests text[]) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM tombstone) THEN RETURN false; END IF;
  RETURN EXISTS (SELECT 1 FROM tombstone t WHERE t.id = ANY(p_ids) AND t.expires_at > p_now)
    OR EXISTS (SELECT 1 FROM tombstone t WHERE t.request_id = ANY(p_requests) AND t.expires_at > p_now);
END $$;

-- As is_remembered, of the roots among rows.
CREATE OR REPLACE FUNCTION has_remembered(p_now bigint, p_rows jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  RETURN is_remembered(p_now,
    ARRAY(SELECT x ->> 'id' FROM jsonb_array_elements(p_rows) x WHERE NOT x ? 'pa'),
    ARRAY(SELECT x ->> 'rq' FROM jsonb_array_elements(p_rows) x WHERE x ? 'rq'));
END $$;

-- Per tree of an item the job that it repeats, or what stands in the way: {refused: {index, code, id}} or {repeats: [id or null]}.
-- Each tree is looked at after those before it, as if they were there already.
CREATE OR REPLACE FUNCTION find_repeats(p_now bigint, p_rows jsonb, p_lanes integer[], p_bytes bytea) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  -- Ids that the item names more than once, as keys: only these can be in the way of a later tree.
  repeated jsonb := (
    SELECT coalesce(jsonb_object_agg(r.id, true), '{}')
    FROM (SELECT x ->> 'id' AS id FROM jsonb_array_elements(p_rows) x GROUP BY 1 HAVING count(*) > 1) r);
  ids jsonb := '{}';       -- of trees that are new, where repeated: id -> row
  requests jsonb := '{}';
  repeats jsonb := '[]';
  tree record;
  root jsonb;
  known jsonb;
  taken text;
BEGIN
  FOR tree IN
    SELECT (x ->> 't')::integer AS index, jsonb_agg(x ORDER BY (x ->> 's')::integer) AS rows
    FROM jsonb_array_elements(p_rows) x GROUP BY 1 ORDER BY 1
  LOOP
    root := tree.rows -> 0;
    known := brought_by(ids -> (root ->> 'id'), root, 'id', p_bytes);
    IF known IS NULL THEN known := holder_of(p_now, root, p_lanes, p_bytes); END IF;
    IF known IS NULL AND root ? 'rq' THEN known := brought_by(requests -> (root ->> 'rq'), root, 'request', p_bytes); END IF;
    IF known IS NOT NULL AND NOT (known ->> 'same')::boolean THEN
      RETURN jsonb_build_object('refused', jsonb_build_array(tree.index,
        CASE WHEN known ->> 'by' = 'id' THEN 'JOB_ID_EXISTS' ELSE 'REQUEST_ID_REUSED' END, known -> 'id'));
    END IF;
    repeats := repeats || jsonb_build_array(known -> 'id');
    CONTINUE WHEN known IS NOT NULL;
    IF root ? 'rq' THEN requests := requests || jsonb_build_object(root ->> 'rq', root); END IF;
    SELECT g.id INTO taken FROM (
      SELECT x ->> 'id' AS id, y.at, row_number() OVER (PARTITION BY x ->> 'id' ORDER BY y.at) AS nth
      FROM jsonb_array_elements(tree.rows) WITH ORDINALITY AS y(x, at)) g
    WHERE g.nth > 1 OR ids ? g.id OR (SELECT j.seq FROM job j WHERE j.id = g.id) IS NOT NULL
    ORDER BY g.at LIMIT 1;
    IF taken IS NOT NULL THEN
      RETURN jsonb_build_object('refused', jsonb_build_array(tree.index, 'JOB_ID_EXISTS', taken));
    END IF;
    IF repeated <> '{}' THEN
      ids := ids || (SELECT coalesce(jsonb_object_agg(x ->> 'id', x), '{}')
        FROM jsonb_array_elements(tree.rows) x WHERE repeated ? (x ->> 'id'));
    END IF;
  END LOOP;
  RETURN jsonb_build_object('repeats', repeats);
END $$;

CREATE OR REPLACE FUNCTION brought_by(first jsonb, second jsonb, by text, p_bytes bytea) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT jsonb_build_object('id', first -> 'id', 'by', by, 'same', first ->> 'l' = second ->> 'l' AND
    substr(p_bytes, (first ->> 'o')::integer, (first ->> 'z')::integer)
      = substr(p_bytes, (second ->> 'o')::integer, (second ->> 'z')::integer))
  WHERE first IS NOT NULL
$$;

-- Inserts the trees of one item together or not at all. Answers {refused: [index, code, id]} or {repeats: [id or null]}, repeats left
-- out when all is new. Two brokers may insert the same at once: who comes second waits, finds the id taken, and looks again.
CREATE OR REPLACE FUNCTION insert_item(
  p_now bigint, p_item jsonb, p_seqs bigint[], p_lanes integer[], p_names integer[], p_bytes bytea,
  OUT answer jsonb, OUT events event[]
) LANGUAGE plpgsql AS $$
DECLARE
  given jsonb := p_item -> 'r';
  rows jsonb;
  wanted integer;
  inserted bigint;
BEGIN
  FOR attempt IN 1..6 LOOP
    answer := '{}';
    events := '{}';
    rows := given;
    IF (p_item ->> 'x')::boolean OR attempt > 1 OR EXISTS (
      -- As values, not joins: so each is one look into the index, whatever is known of the table.
      SELECT 1 FROM jsonb_array_elements(given) x WHERE (SELECT j.seq FROM job j WHERE j.id = x ->> 'id') IS NOT NULL
        OR x ? 'rq' AND (SELECT j.seq FROM job j WHERE j.request_id = x ->> 'rq') IS NOT NULL
    ) OR has_remembered(p_now, given) THEN
      answer := find_repeats(p_now, given, p_lanes, p_bytes);
      IF answer ? 'refused' THEN RETURN; END IF;
      SELECT coalesce(jsonb_agg(x), '[]') INTO rows FROM jsonb_array_elements(given) x
      WHERE answer -> 'repeats' -> (x ->> 't')::integer = 'null';
    END IF;
    wanted := jsonb_array_length(rows);
    IF wanted = 0 THEN RETURN; END IF;
    BEGIN
      SELECT f.inserted, f.events INTO inserted, events
      FROM insert_rows(p_now, rows, p_seqs, p_lanes, p_names, p_bytes, NULL, 0, NULL) f;
      -- Looked at again: the one that had the id may have been removed while this waited for it.
      IF inserted < wanted OR has_remembered(p_now, rows) THEN
        RAISE unique_violation USING MESSAGE = 'the id of a new job is taken';
      END IF;
      IF wanted > 1 THEN PERFORM insert_barriers(rows, p_seqs); END IF;
      events := events || begin_groups(p_now, rows, p_seqs);
      RETURN;
    EXCEPTION WHEN unique_violation THEN
      IF attempt = 6 THEN RAISE; END IF;
    END;
  END LOOP;
END $$;

-- Groups have no work of their own: the run of one that is due counts as accepted.
CREATE OR REPLACE FUNCTION begin_groups(p_now bigint, p_rows jsonb, p_seqs bigint[]) RETURNS event[] LANGUAGE plpgsql AS $$
DECLARE
  events event[] := '{}';
  self job;
BEGIN
  IF NOT jsonb_path_exists(p_rows, '$[*] ? (@.g == true)') THEN RETURN events; END IF;
  FOR self IN
    SELECT j.* FROM jsonb_to_recordset(p_rows) AS x(s integer, g boolean) JOIN job j ON j.seq = p_seqs[x.s]
    WHERE x.g AND j.state = 5 ORDER BY j.seq
  LOOP
    events := events || begin_group(p_now, self);
  END LOOP;
  RETURN events;
END $$;

CREATE OR REPLACE FUNCTION begin_group(p_now bigint, self job) RETURNS event[] LANGUAGE plpgsql AS $$
DECLARE
  below barrier;
  events event[] := release_children(p_now, self.seq);
BEGIN
  SELECT * INTO below FROM barrier b WHERE b.seq = self.seq;
  IF below.pending_children > 0 THEN RETURN events; END IF;
  RETURN events || judge(p_now, self, below, true);
END $$;

-- Inserts jobs that stand alone and differ only in number, id, request id and payload; `p_shape` is what they share, as a row. Answers
-- how many went in.
CREATE OR REPLACE FUNCTION insert_alike(
  p_now bigint, p_shape jsonb, p_jobs bigint[], p_ids text[], p_requests text[], p_offsets integer[], p_lengths integer[],
  p_lanes integer[], p_names integer[], p_bytes bytea, OUT inserted bigint, OUT events event[]
) LANGUAGE plpgsql AS $$
DECLARE
  of_lane integer := p_lanes[(p_shape ->> 'l')::integer];
  start bigint := greatest(p_now, (p_shape ->> 'a')::bigint) + coalesce((p_shape ->> 'd')::bigint, 0);
  first_state smallint := CASE WHEN start > p_now THEN 1 ELSE 2 END;
  place bigint := (p_shape ->> 'p')::bigint;
BEGIN
  WITH new AS MATERIALIZED (
    SELECT u.* FROM unnest(p_jobs, p_ids, p_requests, p_offsets, p_lengths) AS u(seq, id, request_id, at, length)
  ), put AS (
    INSERT INTO job (
      seq, id, lane, state, neg_priority, run_at, delay_ms, created_at, updated_at,
      max_attempts, timeout_ms, backoff, schema_id, principal, request_id, payload_bytes)
    SELECT n.seq, n.id, of_lane, first_state, place, start, (p_shape ->> 'd')::bigint, p_now, p_now,
      (p_shape ->> 'ma')::integer, (p_shape ->> 'to')::bigint, p_shape ->> 'bo',
      p_names[(p_shape ->> 'sc')::integer], p_names[(p_shape ->> 'pr')::integer], n.request_id, n.length
    FROM new n ORDER BY n.id, n.seq
    ON CONFLICT DO NOTHING
    RETURNING job.seq, job.payload_bytes
  ), paid AS (
    INSERT INTO payload (seq, bytes, metadata) SELECT n.seq, substr(p_bytes, n.at, n.length), p_shape ->> 'm' FROM new n
  ), claimable AS (
    INSERT INTO ready SELECT of_lane, place, start, seq, payload_bytes FROM put WHERE first_state = 2
  ), later AS (
    INSERT INTO due SELECT start, seq FROM put WHERE first_state = 1
  )
  SELECT count(*) INTO inserted FROM put;
  events := '{}';
  IF inserted > 0 THEN
    events := ARRAY[ROW(NULL, of_lane, 0, first_state, inserted, false, CASE WHEN first_state = 1 THEN start END, 0, NULL)::event];
  END IF;
  IF inserted < cardinality(p_jobs) THEN
    DELETE FROM payload p WHERE p.seq = ANY(p_jobs) AND NOT EXISTS (SELECT 1 FROM job j WHERE j.seq = p.seq);
  END IF;
END $$;
