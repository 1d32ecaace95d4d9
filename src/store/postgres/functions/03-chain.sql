-- Chains: what the end of a job means for the nodes below it and for its parent. One level, never up or down by recursion.
-- Locks: the caller holds the job; nodes below it that are held are its holder's to change; judge_parents locks parents, sorted.

-- What may still run below a job whose own run is over: 1 everything, 2 only what asks for SETTLED or ANY_FAILED, 3 nothing.
CREATE OR REPLACE FUNCTION below_mode(self job) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN self.run = 1 AND self.cancel = 0 THEN 1
    WHEN self.run IN (1, 3) AND NOT self.cancel_heirs THEN 2
    ELSE 3
  END
$$;

-- Whether cancelling a job, with its heirs or not, changes anything of it.
CREATE OR REPLACE FUNCTION is_cancellable(state smallint, run smallint, cancel smallint, cancel_heirs boolean, heirs boolean)
RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE state
    WHEN 3 THEN cancel = 0 OR heirs AND NOT cancel_heirs
    WHEN 5 THEN run = 1 AND cancel = 0 OR heirs AND NOT cancel_heirs AND run IN (1, 3)
    ELSE state < 7
  END
$$;

-- The reason of what is cancelled below a job: PARENT_FAILED or PARENT_CANCELLED.
CREATE OR REPLACE FUNCTION reason_below(self job) RETURNS smallint LANGUAGE sql IMMUTABLE AS $$
  SELECT (CASE WHEN self.run = 2 OR (CASE WHEN self.reason = 0 THEN self.cancel ELSE self.reason END) = 7 THEN 7 ELSE 8 END)::smallint
$$;

-- The nodes below are to be cancelled, in steps; BELOW (1) replaces FAIL_FAST (2) and begins afresh, and so does one that is to
-- take more than before. True: that is new.
CREATE OR REPLACE FUNCTION mark_cascade(p_seq bigint, p_kind smallint, p_more boolean DEFAULT false) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  marked smallint := (SELECT c.kind FROM cascade c WHERE c.seq = p_seq);
BEGIN
  INSERT INTO cascade AS c (seq, kind) VALUES (p_seq, p_kind)
  ON CONFLICT (seq) DO UPDATE SET kind = excluded.kind, position = -1 WHERE excluded.kind < c.kind OR p_more;
  RETURN marked IS NULL OR p_kind < marked;
END $$;

-- Makes held nodes claimable, now or at their time; a delay counts from here.
CREATE OR REPLACE FUNCTION release_nodes(p_now bigint, p_seqs bigint[]) RETURNS event[] LANGUAGE plpgsql AS $$
DECLARE
  events event[];
BEGIN
  WITH freed AS (
    UPDATE job SET
      version = version + 1, updated_at = p_now, hold = 0,
      run_at = greatest(p_now, start_at, p_now + delay_ms),
      state = CASE WHEN greatest(p_now, start_at, p_now + delay_ms) <= p_now THEN 2 ELSE 1 END
    WHERE seq = ANY(p_seqs) AND state = 6
    RETURNING seq, lane, state, neg_priority, run_at, payload_bytes
  ), claimable AS (
    INSERT INTO ready SELECT lane, neg_priority, run_at, seq, payload_bytes FROM freed WHERE state = 2
  ), later AS (
    INSERT INTO due SELECT run_at, seq FROM freed WHERE state = 1
  )
  SELECT coalesce(array_agg(ROW(NULL, f.lane, 6, f.state, f.n, false, f.due, 0, NULL)::event), '{}') INTO events
  FROM (
    SELECT lane, state, count(*)::integer AS n, min(run_at) FILTER (WHERE state = 1) AS due FROM freed GROUP BY lane, state
  ) f;
  RETURN events;
END $$;

CREATE OR REPLACE FUNCTION release_children(p_now bigint, p_parent bigint) RETURNS event[] LANGUAGE sql AS $$
  SELECT release_nodes(p_now, ARRAY(
    SELECT j.seq FROM job j WHERE j.parent = p_parent AND j.role = 1 AND j.state = 6 AND j.hold = 1 ORDER BY j.position))
$$;

-- Ends a job's own run as dead (2), cancelled (3) or skipped (4): it is terminal and its edge flips, unless something below it is
-- open: that is cancelled in steps, and the job is judged by the last of them. `next` holds what else changes.
CREATE OR REPLACE FUNCTION end_run(p_now bigint, was job, next job, p_run smallint, p_reason smallint) RETURNS event[]
LANGUAGE plpgsql AS $$
DECLARE
  saved event;
BEGIN
  next.hold := 0;
  next.run := p_run;
  next.reason := p_reason;
  IF next.below AND EXISTS (
    SELECT 1 FROM barrier b WHERE b.seq = next.seq AND b.pending_children + b.pending_heirs > 0
  ) THEN
    next.state := 5;
    saved := save_job(p_now, was, next);
    IF mark_cascade(next.seq, 1::smallint) THEN saved.mark := 2; END IF;
    RETURN ARRAY[saved];
  END IF;
  next.state := CASE WHEN p_run = 2 THEN 8 ELSE 9 END;
  next.edge_flipped := next.parent IS NOT NULL;
  saved := save_job(p_now, was, next);
  saved.flip := next.parent;
  RETURN ARRAY[saved];
END $$;

-- A job's own run was accepted: frees the children that waited for it, has its heirs judged when there are no children, and
-- completes it when nothing is below it. `next` holds what else changes.
CREATE OR REPLACE FUNCTION accept_run(p_now bigint, was job, next job) RETURNS event[] LANGUAGE plpgsql AS $$
DECLARE
  below barrier;
  saved event;
  events event[];
BEGIN
  IF next.below THEN SELECT * INTO below FROM barrier b WHERE b.seq = next.seq; END IF;
  next.hold := 0;
  next.run := 1;
  IF below.seq IS NULL
    OR below.pending_children + below.pending_heirs + below.children_not_ok + below.heirs_not_ok = 0
  THEN
    next.state := 7;
    next.edge_flipped := next.parent IS NOT NULL;
    saved := save_job(p_now, was, next);
    saved.flip := next.parent;
    RETURN ARRAY[saved];
  END IF;
  next.state := 5;
  events := ARRAY[save_job(p_now, was, next)] || release_children(p_now, next.seq);
  IF below.pending_children > 0 THEN RETURN events; END IF;
  RETURN events || judge(p_now, next, below, true);
END $$;

-- Opens the barrier of a job that waits for no child any more, and gives it its verdict when nothing is open. `below` is its barrier
-- with all ends counted, not yet written. `p_own`: its own settle does this, so that its edge flips at once; else it is marked.
CREATE OR REPLACE FUNCTION judge(p_now bigint, self job, below barrier, p_own boolean) RETURNS event[] LANGUAGE plpgsql AS $$
DECLARE
  opened boolean := self.run <> 0 AND below.pending_children = 0 AND self.state < 7 AND below.reviving = 0;
  events event[] := '{}';
  flipped integer;
  not_ok integer;
BEGIN
  IF opened AND NOT below.judged THEN
    events := judge_heirs(p_now, self, below);
    SELECT count(*), count(*) FILTER (WHERE j.policy <> 1 AND (j.state = 8 OR j.state = 9 AND j.reason = 5))
    INTO flipped, not_ok FROM unnest(events) e JOIN job j ON j.seq = e.seq WHERE e.flip = self.seq;
    below.pending_heirs := below.pending_heirs - flipped;
    below.heirs_not_ok := below.heirs_not_ok + not_ok;
    SELECT coalesce(array_agg(ROW(e.seq, e.lane, e.was, e.state, e.n, e.ended, e.due, e.mark, NULL)::event), '{}')
    INTO events FROM unnest(events) e;
    below.judged := true;
  END IF;
  UPDATE barrier b SET
    pending_children = below.pending_children, pending_heirs = below.pending_heirs,
    children_not_ok = below.children_not_ok, heirs_not_ok = below.heirs_not_ok, judged = below.judged
  WHERE b.seq = self.seq;
  IF opened AND below.pending_heirs = 0 THEN RETURN events || conclude(p_now, self, below, p_own); END IF;
  UPDATE job SET version = version + 1, updated_at = p_now WHERE seq = self.seq;
  RETURN events;
END $$;

-- What becomes of the heirs when the barrier opens: released, skipped, or cancelled as their parent's end asks.
CREATE OR REPLACE FUNCTION judge_heirs(p_now bigint, parent job, below barrier) RETURNS event[] LANGUAGE plpgsql AS $$
DECLARE
  mode integer := below_mode(parent);
  failed boolean := below.children_not_ok > 0;
  events event[] := '{}';
  heir job;
BEGIN
  FOR heir IN
    SELECT * FROM job j WHERE j.parent = parent.seq AND j.role = 2 AND j.state = 6 AND j.hold = 2 ORDER BY j.position
  LOOP
    IF mode = 3 OR (mode = 2 AND heir.trigger = 0) THEN
      events := events || cancel_job(p_now, heir, reason_below(parent), mode);
    ELSIF heir.trigger = 2 OR (heir.trigger = 0) <> failed THEN
      events := events || release_nodes(p_now, ARRAY[heir.seq]);
    ELSE
      events := events || end_run(p_now, heir, heir, 4::smallint, (CASE WHEN heir.trigger = 0 THEN 9 ELSE 10 END)::smallint);
    END IF;
  END LOOP;
  RETURN events;
END $$;

-- Everything below is terminal: the job takes its verdict.
CREATE OR REPLACE FUNCTION conclude(p_now bigint, self job, below barrier, p_own boolean) RETURNS event[] LANGUAGE plpgsql AS $$
DECLARE
  next job := self;
  saved event;
BEGIN
  IF self.run = 2 THEN
    next.state := 8;
  ELSIF self.run <> 1 OR self.cancel <> 0 THEN
    next.state := 9;
    IF next.reason = 0 THEN next.reason := self.cancel; END IF;
  ELSIF below.children_not_ok + below.heirs_not_ok > 0 THEN
    next.state := 8;
    next.reason := 4;
  ELSE
    next.state := 7;
    SELECT coalesce(j.result_of, j.seq) INTO next.result_of
    FROM job j WHERE j.parent = self.seq AND j.role = 2 AND j.as_result AND j.state = 7;
  END IF;
  IF self.parent IS NOT NULL THEN
    IF p_own THEN next.edge_flipped := true; ELSE next.propagate_due := true; END IF;
  END IF;
  saved := save_job(p_now, self, next);
  IF self.parent IS NOT NULL THEN
    IF p_own THEN saved.flip := self.parent; ELSE saved.mark := 1; END IF;
  END IF;
  RETURN ARRAY[saved];
END $$;

-- Cancels one job as its parent's mode or a request (`p_heirs`: with all heirs) asks: a waiting one's run is over, a running one is
-- asked to stop, one that waits for what is below it has that cancelled. The first reason stays; asked again it may only take its
-- heirs too. Repeating it changes nothing. The job's row is locked.
CREATE OR REPLACE FUNCTION cancel_job(p_now bigint, self job, p_reason smallint, p_mode integer, p_heirs boolean DEFAULT false)
RETURNS event[] LANGUAGE plpgsql AS $$
DECLARE
  next job := self;
  heirs boolean := p_heirs OR p_mode = 3;
  asked boolean := self.cancel <> 0 OR self.state = 5 AND self.run <> 1;
  saved event;
BEGIN
  IF NOT is_cancellable(self.state, self.run, self.cancel, self.cancel_heirs, heirs) THEN RETURN '{}'; END IF;
  next.cancel_heirs := heirs;
  IF self.state NOT IN (3, 5) THEN
    RETURN end_run(p_now, self, next, (CASE WHEN p_mode = 3 THEN 4 ELSE 3 END)::smallint, p_reason);
  END IF;
  IF NOT asked THEN next.cancel := p_reason; END IF;
  saved := save_job(p_now, self, next);
  IF self.state = 5 THEN
    IF mark_cascade(self.seq, 1::smallint, asked) THEN saved.mark := 2; END IF;
  ELSIF NOT asked THEN
    UPDATE leased l SET cancel = p_reason WHERE l.session = self.session AND l.seq = self.seq;
    saved.mark := 3;
  END IF;
  RETURN ARRAY[saved];
END $$;

-- Counts at each direct parent, at once, all that ended below it in this step, and judges it: its barrier, then its verdict. A
-- parent that so turns terminal is marked: the level above is a step of its own. `p_also`: parents to judge though nothing ended.
-- Answers the events with what was added. Locks the parents, sorted; siblings that end on two brokers meet here.
CREATE OR REPLACE FUNCTION judge_parents(p_now bigint, p_events event[], p_also bigint[] DEFAULT '{}') RETURNS event[]
LANGUAGE plpgsql AS $$
DECLARE
  events event[] := p_events;
  parents bigint[] := ARRAY(
    SELECT e.flip FROM unnest(p_events) e WHERE e.flip IS NOT NULL UNION SELECT u FROM unnest(p_also) u ORDER BY 1);
  counted record;
  self job;
  below barrier;
BEGIN
  IF cardinality(parents) = 0 THEN RETURN events; END IF;
  PERFORM 1 FROM job j WHERE j.seq = ANY(parents) ORDER BY j.seq FOR UPDATE;
  FOR counted IN
    SELECT t.parent AS seq, count(*) FILTER (WHERE t.role = 1) AS children,
      count(*) FILTER (WHERE t.role = 1 AND t.policy <> 1 AND t.state <> 7) AS children_not_ok,
      count(*) FILTER (WHERE t.role = 2) AS heirs,
      count(*) FILTER (WHERE t.role = 2 AND t.policy <> 1 AND (t.state = 8 OR t.state = 9 AND t.reason = 5)) AS heirs_not_ok,
      bool_or(t.role = 1 AND t.policy = 2 AND t.state <> 7 AND t.reason <> 6) AS fail_fast
    FROM (
      SELECT e.flip AS parent, j.role, j.policy, j.state, j.reason
      FROM unnest(p_events) e JOIN job j ON j.seq = e.seq WHERE e.flip IS NOT NULL
      UNION ALL
      SELECT u, 0, 0, 0, 0 FROM unnest(p_also) u
    ) t
    GROUP BY t.parent ORDER BY t.parent
  LOOP
    SELECT * INTO self FROM job j WHERE j.seq = counted.seq;
    SELECT * INTO below FROM barrier b WHERE b.seq = counted.seq;
    CONTINUE WHEN self.seq IS NULL OR below.seq IS NULL; -- removed behind the broker's back
    below.pending_children := below.pending_children - counted.children;
    below.children_not_ok := below.children_not_ok + counted.children_not_ok;
    below.pending_heirs := below.pending_heirs - counted.heirs;
    below.heirs_not_ok := below.heirs_not_ok + counted.heirs_not_ok;
    IF counted.fail_fast AND below.pending_children > 0 AND self.run <> 0 AND below_mode(self) = 1
      AND mark_cascade(self.seq, 2::smallint)
    THEN
      events := events || ROW(self.seq, self.lane, self.state, self.state, 0, false, NULL, 2, NULL)::event;
    END IF;
    events := events || judge(p_now, self, below, false);
  END LOOP;
  RETURN events;
END $$;
