-- Cancelling by request. Locks, each kind sorted: jobs that wait or run; then parents and jobs that wait for what is below them; then
-- held nodes, after their parents, whose holder's they are. So a cancel, like an outcome, goes from a leased job to its parent, and
-- nobody who holds a parent waits for one of its nodes. A job that changed its state between the look and the lock can bring it
-- out of this order: PostgreSQL then undoes one of the two, and the driver does that call again, which changes nothing twice.

-- Cancels each job by itself, in order, one level; what is below follows in steps. Answers per id null (missing) or
-- [state, whether anything changed], and the effects: {a, e}.
CREATE OR REPLACE FUNCTION cancel_jobs(p_now bigint, p_ids text[], p_heirs boolean[]) RETURNS json
LANGUAGE plpgsql SET search_path FROM CURRENT
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET plan_cache_mode = force_generic_plan SET lock_timeout = '10s' AS $$
DECLARE
  at bigint := now_ms(p_now);
  answers jsonb := '[]';
  events event[] := '{}';
  self job;
  found event[];
BEGIN
  PERFORM lock_to_cancel(p_ids);
  FOR nth IN 1..cardinality(p_ids) LOOP
    SELECT * INTO self FROM job j WHERE j.id = p_ids[nth];
    IF self.state < 7 THEN SELECT * INTO self FROM job j WHERE j.seq = self.seq FOR UPDATE; END IF;
    IF self.seq IS NULL OR is_going(self) THEN
      answers := answers || '[null]';
      CONTINUE;
    END IF;
    found := cancel_job(at, self, 5::smallint, 1, p_heirs[nth]);
    events := events || judge_parents(at, found);
    answers := answers || jsonb_build_array(jsonb_build_array(
      (SELECT j.state FROM job j WHERE j.seq = self.seq), cardinality(found) > 0));
  END LOOP;
  RETURN json_build_object('a', answers, 'e', finish(events));
END $$;

CREATE OR REPLACE FUNCTION lock_to_cancel(p_ids text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  found record;
BEGIN
  SELECT
    array_agg(j.seq) FILTER (WHERE j.state < 5) || array_agg(p.seq) FILTER (WHERE j.state = 6 AND p.state < 5) AS active,
    array_agg(j.seq) FILTER (WHERE j.state = 5) || array_agg(p.seq) FILTER (WHERE j.state IN (1, 2, 4, 6) AND p.state = 5) AS waiting,
    array_agg(j.seq) FILTER (WHERE j.state = 6) || array_agg(p.seq) FILTER (WHERE j.state = 6 AND p.state = 6) AS held
  INTO found FROM job j LEFT JOIN job p ON p.seq = j.parent WHERE j.id = ANY(p_ids);
  PERFORM 1 FROM job j WHERE j.seq = ANY(found.active) ORDER BY j.seq FOR UPDATE;
  PERFORM 1 FROM job j WHERE j.seq = ANY(found.waiting) ORDER BY j.seq FOR UPDATE;
  PERFORM 1 FROM job j WHERE j.seq = ANY(found.held) ORDER BY j.seq FOR UPDATE;
END $$;

-- Whether a job's chain is being removed.
CREATE OR REPLACE FUNCTION is_going(self job) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  RETURN EXISTS (SELECT 1 FROM pruning p WHERE p.root = coalesce(self.root, self.seq));
END $$;
