-- Retrying by request. Locks: jobs that wait (sorted); then what has ended on the ways from dead jobs up, the lower first; then the
-- nearest open ancestors (sorted). Who holds an ended job (propagate, its marked ones) waits at most for its parent, so all go
-- upwards; outcomes and steps of cascade hold open parents and wait for nothing below them. Whoever else stands across, after a
-- state has changed between the look and the lock, PostgreSQL undoes one of the two and the driver does that call again: what was
-- retried already is answered as unchanged.

-- Retries each job by itself, in order. `p_epochs`: the epoch expected, NULL: any. Answers per id null (missing),
-- ["retried" | "unchanged", state, epoch] or ["refused", why, state, id of the job in the way], and the effects: {a, e}.
CREATE OR REPLACE FUNCTION retry_jobs(p_now bigint, p_ids text[], p_epochs integer[]) RETURNS json
LANGUAGE plpgsql SET search_path FROM CURRENT
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET plan_cache_mode = force_generic_plan SET lock_timeout = '10s' AS $$
DECLARE
  at bigint := now_ms(p_now);
  answers jsonb := '[]';
  events event[] := '{}';
  said record;
BEGIN
  PERFORM lock_to_retry(p_ids);
  FOR nth IN 1..cardinality(p_ids) LOOP
    SELECT * INTO said FROM retry_job(at, p_ids[nth], p_epochs[nth]);
    answers := answers || coalesce(jsonb_build_array(said.answer), '[null]');
    events := events || said.events;
  END LOOP;
  RETURN json_build_object('a', answers, 'e', finish(events));
END $$;

-- Locks what retrying these jobs may change; answers all that it locked.
CREATE OR REPLACE FUNCTION lock_to_retry(p_ids text[]) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
  locked bigint[] := '{}';
  found record;
BEGIN
  LOOP
    WITH RECURSIVE way AS (
      SELECT j.seq, j.parent, j.state FROM job j WHERE j.id = ANY(p_ids) AND j.state IN (1, 4, 8)
      UNION
      SELECT p.seq, p.parent, p.state FROM way w JOIN job p ON p.seq = w.parent WHERE w.state >= 7
    )
    SELECT coalesce(array_agg(w.seq) FILTER (WHERE w.state < 5), '{}') AS waiting,
      coalesce(array_agg(w.seq) FILTER (WHERE w.state >= 7), '{}') AS ended,
      coalesce(array_agg(w.seq) FILTER (WHERE w.state IN (5, 6)), '{}') AS opened
    INTO found FROM way w WHERE w.seq <> ALL(locked);
    EXIT WHEN found.waiting || found.ended || found.opened = '{}';
    PERFORM 1 FROM job j WHERE j.seq = ANY(found.waiting) ORDER BY j.seq FOR UPDATE;
    PERFORM 1 FROM job j WHERE j.seq = ANY(found.ended) ORDER BY j.seq DESC FOR UPDATE;
    PERFORM 1 FROM job j WHERE j.seq = ANY(found.opened) ORDER BY j.seq FOR UPDATE;
    locked := locked || found.waiting || found.ended || found.opened;
  END LOOP;
  RETURN locked;
END $$;

CREATE OR REPLACE FUNCTION retry_job(p_now bigint, p_id text, p_epoch integer, OUT answer jsonb, OUT events event[])
LANGUAGE plpgsql AS $$
DECLARE
  self job;
  locked bigint[];
  path job[];
  refusal record;
BEGIN
  events := '{}';
  LOOP
    locked := lock_to_retry(ARRAY[p_id]);
    SELECT * INTO self FROM job j WHERE j.id = p_id;
    -- One that ended just now was not yet locked.
    EXIT WHEN self.seq IS NULL OR self.state NOT IN (1, 4, 8) OR self.seq = ANY(locked);
  END LOOP;
  IF self.seq IS NULL OR is_going(self) THEN RETURN; END IF;
  IF self.epoch < p_epoch THEN
    answer := jsonb_build_array('refused', 'EPOCH', self.state, NULL);
  ELSIF self.epoch > p_epoch OR self.state = 2 THEN
    answer := jsonb_build_array('unchanged', self.state, self.epoch);
  ELSIF self.state IN (1, 4) THEN
    events := pull_forward(p_now, self);
  ELSIF self.state <> 8 THEN
    answer := jsonb_build_array('refused', CASE WHEN self.state = 9 THEN 'CANCELLED' ELSE 'STATE' END, self.state, NULL);
  ELSE
    path := ancestors_of(self);
    SELECT * INTO refusal FROM retry_refusal(self, path);
    IF refusal.why IS NULL THEN
      events := revive_path(p_now, self, path);
    ELSE
      answer := jsonb_build_array('refused', refusal.why, self.state, refusal.blocker);
    END IF;
  END IF;
  IF answer IS NULL THEN
    answer := (SELECT jsonb_build_array('retried', j.state, j.epoch) FROM job j WHERE j.seq = self.seq);
  END IF;
END $$;

-- Lets a waiting job run now; a group has no run of its own to be claimed, so that promote runs it.
CREATE OR REPLACE FUNCTION pull_forward(p_now bigint, self job) RETURNS event[] LANGUAGE plpgsql AS $$
DECLARE
  next job := self;
BEGIN
  next.run_at := p_now;
  IF (SELECT l.type FROM lane l WHERE l.id = self.lane) <> 'conveyor.v1.Group' THEN
    next.state := 2;
    RETURN ARRAY[save_job(p_now, self, next)];
  END IF;
  DELETE FROM due d WHERE d.run_at = self.run_at AND d.seq = self.seq;
  INSERT INTO due VALUES (p_now, self.seq);
  UPDATE job SET run_at = p_now, version = version + 1, updated_at = p_now WHERE seq = self.seq;
  RETURN ARRAY[ROW(self.seq, self.lane, self.state, self.state, 0, false, p_now, 0, NULL)::event];
END $$;

-- The ancestors that are there, the nearest first.
CREATE OR REPLACE FUNCTION ancestors_of(self job) RETURNS job[] LANGUAGE plpgsql AS $$
BEGIN
  RETURN ARRAY(
    WITH RECURSIVE way AS (
      SELECT j AS node FROM job j WHERE j.seq = self.parent
      UNION ALL
      SELECT j FROM way w JOIN job j ON j.seq = (w.node).parent
    )
    SELECT w.node FROM way w ORDER BY (w.node).depth DESC);
END $$;

-- Why a dead job cannot be revived now, and the id of the job that stands in the way; NULL: it can.
CREATE OR REPLACE FUNCTION retry_refusal(self job, path job[], OUT why text, OUT blocker text) LANGUAGE plpgsql AS $$
DECLARE
  above job;
  node job := self;
BEGIN
  FOREACH above IN ARRAY path LOOP
    blocker := above.id;
    IF above.state IN (7, 9) OR above.run <> 1 OR above.state < 7 AND above.cancel <> 0 THEN
      why := 'ANCESTOR';
      RETURN;
    END IF;
  END LOOP;
  blocker := NULL;
  IF cardinality(path) < self.depth THEN
    why := 'ANCESTOR';
    RETURN;
  END IF;
  FOREACH above IN ARRAY path LOOP
    IF above.state < 7 THEN
      why := refusal_at(above, node);
      IF why IS NOT NULL THEN
        blocker := above.id;
        RETURN;
      END IF;
      EXIT;
    END IF;
    node := above;
  END LOOP;
  IF self.run = 1 AND NOT has_dead_run(self.seq) THEN
    why := 'NOTHING_DEAD';
    blocker := cancelled_below(self.seq);
  END IF;
END $$;

-- Why nothing below this open job, on the way through `node`, can be revived now.
CREATE OR REPLACE FUNCTION refusal_at(self job, node job) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  below barrier;
BEGIN
  SELECT * INTO below FROM barrier b WHERE b.seq = self.seq;
  IF below.judged THEN RETURN 'BARRIER'; END IF;
  IF below.reviving <> 0 OR EXISTS (SELECT 1 FROM cascade c WHERE c.seq = self.seq) THEN RETURN 'BUSY'; END IF;
  -- A node that is being cancelled, or has ended and is not yet counted.
  IF EXISTS (
      SELECT 1 FROM job j WHERE j.parent = self.seq AND (j.cancel <> 0 OR j.propagate_due OR j.reason = 5) AND j.seq <> node.seq
        AND CASE WHEN j.state < 7 THEN j.cancel <> 0 OR j.run IN (3, 4) ELSE NOT j.edge_flipped END)
    OR EXISTS (
      SELECT 1 FROM job j WHERE j.parent = self.seq AND j.role IN (1, 2) AND j.reason BETWEEN 6 AND 10 AND j.state < 7
        AND j.seq <> node.seq)
  THEN
    RETURN 'BUSY';
  END IF;
  RETURN NULL;
END $$;

-- Whether a dead run is reached from a job through dead jobs; stops at the first.
CREATE OR REPLACE FUNCTION has_dead_run(p_seq bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  RETURN EXISTS (
    WITH RECURSIVE dead AS (
      SELECT p_seq AS seq, 1::smallint AS run
      UNION ALL
      SELECT j.seq, j.run FROM dead d JOIN job j ON j.parent = d.seq
      WHERE d.run <> 2 AND j.role IN (1, 2) AND j.reason BETWEEN 1 AND 4 AND j.state = 8
    )
    SELECT 1 FROM dead WHERE dead.run = 2);
END $$;

-- The id of the first cancelled job by which a chain failed that nothing dead made fail.
CREATE OR REPLACE FUNCTION cancelled_below(p_seq bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  at bigint := p_seq;
  bad job;
BEGIN
  LOOP
    SELECT j.* INTO bad FROM (
      (SELECT * FROM job c WHERE c.parent = at AND c.role = 1 AND c.policy <> 1 AND c.state IN (8, 9) ORDER BY c.position LIMIT 1)
      UNION ALL
      (SELECT * FROM job h WHERE h.parent = at AND h.role = 2 AND h.policy <> 1 AND (h.state = 8 OR h.state = 9 AND h.reason = 5)
       ORDER BY h.position LIMIT 1)
    ) j ORDER BY j.position LIMIT 1;
    IF bad.seq IS NULL OR bad.state = 9 THEN RETURN bad.id; END IF;
    at := bad.seq;
  END LOOP;
END $$;
