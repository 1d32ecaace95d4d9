-- Outcomes. An item is a JSON object (encode-settle.ts writes it):
--   i index · q number of the job · l lease · k outcome kind, s what was sent (codes) · j jitter · p problem ·
--   r result [type (name, from 1), offset, length] · n declared rows (see 04-insert.sql), hs heirs, dk a key or as_result repeats among them ·
--   st how many children were staged ·
--   e error (JSON text), f rest of its fingerprint (hex) · a retry after · t timed out · d delay.
-- p_defaults: {maxAttempts, backoff, crashLimit} of the server, and under `errors` what the store itself records: {NAME: {e, f}}.
-- Locks: all leased jobs of the batch, sorted; then parents, sorted (judge_parents).

-- Ends the live lease of a running job other than by success: history, budgets, the next state. Kinds beside the outcomes' codes:
-- 7 its worker was lost, 8 it came back unharmed.
CREATE OR REPLACE FUNCTION end_lease(p_now bigint, p_defaults jsonb, self job, p_kind integer, p_item jsonb) RETURNS event[]
LANGUAGE plpgsql AS $$
DECLARE
  next job := self;
  kind integer := p_kind;
  failure text := p_item ->> 'e';
  rest text := p_item ->> 'f';
  set queue;
  wait bigint;
  died smallint;     -- reason of its death
  cancelled smallint;
BEGIN
  next.sent := coalesce((p_item ->> 's')::smallint, 0);
  next.problem := p_item ->> 'p';
  IF self.staged > 0 THEN
    INSERT INTO frame_unwanted (seq, attempt) VALUES (self.seq, self.attempt);
    next.staged := 0;
  END IF;
  IF kind = 4 AND self.snooze_count >= 1000 THEN
    kind := 2;
    failure := p_defaults #>> '{errors,SNOOZE_LIMIT,e}';
    rest := p_defaults #>> '{errors,SNOOZE_LIMIT,f}';
  ELSIF kind = 7 THEN
    failure := p_defaults #>> '{errors,WORKER_LOST,e}';
    rest := p_defaults #>> '{errors,WORKER_LOST,f}';
  END IF;
  IF self.cancel <> 0 OR kind = 6 THEN
    next.recorded := 8;
    cancelled := CASE WHEN self.cancel <> 0 THEN self.cancel ELSE 5 END;
  ELSIF kind IN (2, 7) THEN
    SELECT q.* INTO set FROM lane l JOIN queue q ON q.name = l.queue WHERE l.id = self.lane;
    IF kind = 2 THEN
      next.recorded := CASE WHEN (p_item ->> 't')::boolean THEN 3 ELSE 2 END;
      next.failure_count := self.failure_count + 1;
      wait := next.failure_count;
      IF wait >= coalesce(self.max_attempts, set.max_attempts, (p_defaults ->> 'maxAttempts')::integer) THEN died := 1; END IF;
    ELSE
      next.recorded := 7;
      next.crash_count := self.crash_count + 1;
      wait := next.crash_count;
      IF wait >= coalesce(set.crash_limit, (p_defaults ->> 'crashLimit')::integer) THEN died := 3; END IF;
    END IF;
    next.state := 4;
    next.run_at := p_now + backoff_ms(coalesce(self.backoff::jsonb, set.backoff::jsonb, p_defaults -> 'backoff'), wait::integer,
      coalesce((p_item ->> 'j')::double precision, 0), CASE WHEN kind = 2 THEN (p_item ->> 'a')::double precision END);
  ELSIF kind = 3 THEN
    next.recorded := 4;
    died := 2;
  ELSIF kind = 4 THEN
    next.recorded := 5;
    next.snooze_count := self.snooze_count + 1;
    next.state := 1;
    next.run_at := p_now + (p_item ->> 'd')::bigint;
  ELSE
    next.recorded := 6;
    next.release_count := self.release_count + 1;
    next.state := 2;
  END IF;
  PERFORM record_attempt(p_now, self, next.recorded, failure);
  IF died IS NULL AND cancelled IS NULL THEN RETURN ARRAY[save_job(p_now, self, next)]; END IF;
  next.state := self.state;
  next.run_at := self.run_at;
  IF died IS NOT NULL AND rest IS NOT NULL THEN
    next.fingerprint := fingerprint_of((SELECT l.type FROM lane l WHERE l.id = self.lane), decode(rest, 'hex'));
  END IF;
  RETURN end_run(p_now, self, next, (CASE WHEN died IS NULL THEN 3 ELSE 2 END)::smallint, coalesce(died, cancelled));
END $$;

-- Takes one outcome if its lease is the job's newest and still live; else says what stands: [i], [i, "conflict", id, recorded], or
-- [i, "accepted" | "repeated", id, recorded, state, problem]. A live lease was locked by settle_batch.
CREATE OR REPLACE FUNCTION settle_one(
  p_now bigint, p_defaults jsonb, p_item jsonb, p_more bigint,
  p_seqs bigint[], p_lanes integer[], p_names integer[], p_bytes bytea, OUT answer jsonb, OUT events event[], OUT root bigint, OUT added bigint
) LANGUAGE plpgsql AS $$
DECLARE
  self job;
  said text := 'accepted';
BEGIN
  events := '{}';
  SELECT * INTO self FROM job j WHERE j.seq = (p_item ->> 'q')::bigint;
  IF self.seq IS NULL OR self.lease IS DISTINCT FROM p_item ->> 'l' OR (self.state <> 3 AND self.sent = 0) THEN
    answer := jsonb_build_array(p_item -> 'i');
    RETURN;
  END IF;
  IF self.state <> 3 AND self.sent <> (p_item ->> 's')::smallint THEN
    answer := jsonb_build_array(p_item -> 'i', 'conflict', self.id, self.recorded);
    RETURN;
  END IF;
  IF self.state <> 3 THEN
    said := 'repeated';
  ELSE
    IF p_item ->> 'k' = '1' THEN
      events := succeed(p_now, p_defaults, self, p_item, p_more, p_seqs, p_lanes, p_names, p_bytes);
    ELSE
      events := end_lease(p_now, p_defaults, self, (p_item ->> 'k')::integer, p_item);
    END IF;
    SELECT * INTO self FROM job j WHERE j.seq = self.seq;
    IF self.recorded = 1 THEN
      added := coalesce(jsonb_array_length(p_item -> 'n'), 0) + self.staged;
      root := coalesce(self.root, self.seq);
    END IF;
  END IF;
  answer := jsonb_build_array(p_item -> 'i', said, self.id, self.recorded, self.state, self.problem);
END $$;

-- The outcomes of a commit. `done`: successes that declare nothing, sorted by job, their results as parallel lists (type 0: none);
-- those of running jobs with nothing below are written all at once. `p_items`: all others, in the order given.
-- Answers {number of job: its id} of those, and the answers of settle_one for the rest; `i` of one of `done` is -1 - its place.
CREATE OR REPLACE FUNCTION settle_batch(
  p_now bigint, p_defaults jsonb, p_done bigint[], p_leases text[], p_types integer[], p_offsets integer[], p_lengths integer[],
  p_items jsonb, p_seqs bigint[], p_lanes integer[], p_names integer[], p_bytes bytea,
  OUT done json, OUT answers jsonb, OUT events event[]
) LANGUAGE plpgsql AS $$
DECLARE
  hot bigint[] := '{}';
  flips boolean := false;
  rest jsonb := p_items;
  item jsonb;
  said record;
  roots bigint[] := '{}';
  nodes bigint[] := '{}';
BEGIN
  answers := '[]';
  events := '{}';
  IF p_items <> '[]' THEN PERFORM lock_leases(p_done, p_leases, p_items); END IF;
  IF cardinality(p_done) > 0 THEN
    SELECT f.done, f.seqs, f.events, f.flips INTO done, hot, events, flips FROM complete(p_now, p_done, p_leases) f;
    IF 0 < ANY(p_types) THEN
      INSERT INTO result (seq, type, bytes)
      SELECT u.seq, p_names[u.type], substr(p_bytes, u.at, u.length)
      FROM unnest(p_done, p_types, p_offsets, p_lengths) AS u(seq, type, at, length)
      WHERE u.type > 0 AND (cardinality(hot) = cardinality(p_done) OR u.seq = ANY(hot))
      ON CONFLICT (seq) DO UPDATE SET type = excluded.type, bytes = excluded.bytes;
    END IF;
  END IF;
  IF cardinality(hot) < cardinality(p_done) THEN
    SELECT jsonb_agg(jsonb_build_object('i', -u.at, 'q', u.seq, 'l', u.lease, 'k', 1, 's', 1)
      || CASE WHEN u.type > 0 THEN jsonb_build_object('r', jsonb_build_array(u.type, u.start, u.length)) ELSE '{}' END)
    INTO rest
    FROM unnest(p_done, p_leases, p_types, p_offsets, p_lengths) WITH ORDINALITY AS u(seq, lease, type, start, length, at)
    WHERE NOT u.seq = ANY(hot);
    IF p_items = '[]' THEN PERFORM lock_leases('{}', '{}', rest); END IF;
    rest := rest || p_items;
  END IF;
  IF rest <> '[]' THEN
    FOR item IN SELECT x FROM jsonb_array_elements(rest) WITH ORDINALITY AS y(x, at) ORDER BY y.at LOOP
      SELECT * INTO said FROM settle_one(p_now, p_defaults, item, more_nodes(item, roots, nodes), p_seqs, p_lanes, p_names, p_bytes);
      answers := answers || jsonb_build_array(said.answer);
      events := events || said.events;
      IF said.added > 0 THEN
        roots := roots || said.root;
        nodes := nodes || said.added;
      END IF;
    END LOOP;
  END IF;
  IF cardinality(roots) > 0 THEN
    INSERT INTO chain AS c (root, stripe, nodes)
    SELECT u.root, pg_backend_pid() % 16, sum(u.n) + CASE WHEN EXISTS (SELECT 1 FROM chain c WHERE c.root = u.root) THEN 0 ELSE 1 END
    FROM unnest(roots, nodes) AS u(root, n) GROUP BY u.root ORDER BY u.root
    ON CONFLICT (root, stripe) DO UPDATE SET nodes = c.nodes + excluded.nodes;
  END IF;
  IF flips OR rest <> '[]' THEN events := judge_parents(p_now, events); END IF;
END $$;

-- Locks the running jobs that these outcomes are of, sorted.
CREATE OR REPLACE FUNCTION lock_leases(p_jobs bigint[], p_leases text[], p_items jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1
  FROM (
    SELECT u.seq, u.lease FROM unnest(p_jobs, p_leases) AS u(seq, lease)
    UNION ALL
    SELECT (x ->> 'q')::bigint, x ->> 'l' FROM jsonb_array_elements(p_items) x
  ) u JOIN job j ON j.seq = u.seq AND j.lease = u.lease
  WHERE j.state = 3 ORDER BY j.seq FOR UPDATE OF j;
END $$;

-- Nodes that earlier items of the batch added to the chain of an item's job.
CREATE OR REPLACE FUNCTION more_nodes(p_item jsonb, roots bigint[], nodes bigint[]) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  IF cardinality(roots) = 0 OR NOT (p_item ? 'n' OR p_item ? 'st') THEN RETURN 0; END IF;
  RETURN (
    SELECT coalesce(sum(u.n), 0) FROM unnest(roots, nodes) AS u(root, n)
    WHERE u.root = (SELECT coalesce(j.root, j.seq) FROM job j WHERE j.seq = (p_item ->> 'q')::bigint));
END $$;

-- The usual case: successes that declare nothing, of running jobs with nothing below that nobody cancelled. The jobs come sorted, and
-- the plan goes through them in that order, so that they are locked in it. Answers which were taken, with their ids.
CREATE OR REPLACE FUNCTION complete(
  p_now bigint, p_jobs bigint[], p_leases text[], OUT done json, OUT seqs bigint[], OUT events event[], OUT flips boolean
) LANGUAGE plpgsql AS $$
BEGIN
  WITH over AS (
    UPDATE job j SET
      state = 7, run = 1, sent = 1, recorded = 1, ran_at = p_now, finished_at = p_now, updated_at = p_now,
      version = j.version + 1, edge_flipped = j.parent IS NOT NULL
    FROM unnest(p_jobs, p_leases) AS u(seq, lease)
    WHERE j.seq = u.seq AND j.lease = u.lease AND j.state = 3 AND j.cancel = 0 AND NOT j.below AND j.staged = 0
    RETURNING j.seq, j.id, j.lane, j.session, j.parent
  ), freed AS (
    DELETE FROM leased l USING over o WHERE l.session = o.session AND l.seq = o.seq
  ), kept AS (
    INSERT INTO ended SELECT o.lane, 7, p_now, array_agg(o.seq) FROM over o WHERE o.parent IS NULL GROUP BY o.lane
  )
  SELECT (SELECT json_object_agg(e.seq, e.id) FROM over e), ARRAY(SELECT e.seq FROM over e),
    ARRAY(SELECT ROW(NULL, e.lane, 3, 7, count(*), false, NULL, 0, NULL)::event FROM over e GROUP BY e.lane)
    || ARRAY(SELECT ROW(e.seq, e.lane, 7, 7, 0, false, NULL, 0, e.parent)::event FROM over e WHERE e.parent IS NOT NULL),
    (SELECT bool_or(e.parent IS NOT NULL) FROM over e)
  INTO done, seqs, events, flips;
END $$;
