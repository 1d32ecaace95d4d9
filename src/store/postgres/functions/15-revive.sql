-- Reopening what has ended, and bringing back what ended with it. A revival counts at once, at each job that it reopens, what comes
-- back directly below it, and marks that job with a scope (barrier.reviving); `cascade` brings the nodes back in steps. Locks: the
-- caller holds the reopened job; nodes are taken only when nobody else has locked them.

-- Ended nodes directly below a job that a revival of this scope brings back, in declaration order after a place. NULL: all.
CREATE OR REPLACE FUNCTION revival_targets(p_parent bigint, p_scope smallint, p_after integer, p_max integer)
RETURNS TABLE (seq bigint, "position" integer, role smallint, policy smallint, state smallint) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY SELECT t.seq, t.position, t.role, t.policy, t.state FROM (
    (SELECT j.seq, j.position, j.role, j.policy, j.state FROM job j
     WHERE j.parent = p_parent AND j.role = 2 AND j.position > p_after AND j.reason BETWEEN 6 AND 10 AND j.state = 9
     ORDER BY j.position LIMIT p_max)
    UNION ALL
    (SELECT j.seq, j.position, j.role, j.policy, j.state FROM job j
     WHERE j.parent = p_parent AND j.role = 1 AND j.position > p_after AND j.reason BETWEEN 6 AND 10 AND j.state = 9
       AND p_scope >= 2
     ORDER BY j.position LIMIT p_max)
    UNION ALL
    (SELECT j.seq, j.position, j.role, j.policy, j.state FROM job j
     WHERE j.parent = p_parent AND j.role = 2 AND j.position > p_after AND j.reason BETWEEN 1 AND 4 AND j.state = 8
       AND p_scope = 3
     ORDER BY j.position LIMIT p_max)
    UNION ALL
    (SELECT j.seq, j.position, j.role, j.policy, j.state FROM job j
     WHERE j.parent = p_parent AND j.role = 1 AND j.position > p_after AND j.reason BETWEEN 1 AND 4 AND j.state = 8
       AND p_scope = 3
     ORDER BY j.position LIMIT p_max)
  ) t ORDER BY t.position LIMIT p_max;
END $$;

-- Counts again as open, at a job that is reopened or was open, what comes back below it: the ended node on the way to the revived job
-- (NULL: none), if its end was counted, and the scope's targets. True: there are targets, so that it is marked.
CREATE OR REPLACE FUNCTION reopen_barrier(p_seq bigint, p_scope smallint, node job) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  back record;
  counted boolean := coalesce(node.edge_flipped, false);
BEGIN
  SELECT count(*) FILTER (WHERE t.role = 1) AS children, count(*) FILTER (WHERE t.role = 1 AND t.policy <> 1) AS children_not_ok,
    count(*) FILTER (WHERE t.role = 2) AS heirs, count(*) FILTER (WHERE t.role = 2 AND t.policy <> 1 AND t.state = 8) AS heirs_not_ok
  INTO back FROM revival_targets(p_seq, p_scope, -1, NULL) t;
  UPDATE barrier b SET
    pending_children = b.pending_children + back.children + CASE WHEN counted AND node.role = 1 THEN 1 ELSE 0 END,
    pending_heirs = b.pending_heirs + back.heirs + CASE WHEN counted AND node.role = 2 THEN 1 ELSE 0 END,
    children_not_ok = b.children_not_ok - back.children_not_ok
      - CASE WHEN counted AND node.role = 1 AND node.policy <> 1 THEN 1 ELSE 0 END,
    heirs_not_ok = b.heirs_not_ok - back.heirs_not_ok
      - CASE WHEN counted AND node.role = 2 AND node.policy <> 1 THEN 1 ELSE 0 END,
    judged = false, reviving = CASE WHEN back.children + back.heirs > 0 THEN p_scope ELSE 0 END, revived = -1
  WHERE b.seq = p_seq;
  RETURN back.children + back.heirs > 0;
END $$;

-- Reopens a dead job, which is locked with the path above it (`path`: its ancestors, the nearest first) up to the nearest one that is
-- open, or the root. Then barriers that nothing holds any more are judged: that may release the revived job at once.
CREATE OR REPLACE FUNCTION revive_path(p_now bigint, self job, path job[]) RETURNS event[] LANGUAGE plpgsql AS $$
DECLARE
  ended integer := (SELECT count(*) FROM unnest(path) p WHERE p.state >= 7);
  top integer := least(ended + 1, cardinality(path));
  events event[] := '{}';
  above job;
  node job;
  below barrier;
BEGIN
  FOR nth IN REVERSE top..1 LOOP
    above := path[nth];
    node := CASE WHEN nth = 1 THEN self ELSE path[nth - 1] END;
    events := events || reopen(p_now, above, node);
  END LOOP;
  events := events || reopen_retried(p_now, self);
  FOR nth IN REVERSE top..1 LOOP
    SELECT * INTO above FROM job j WHERE j.seq = (path[nth]).seq;
    SELECT * INTO below FROM barrier b WHERE b.seq = above.seq;
    IF below.pending_children = 0 AND below.reviving = 0 THEN events := events || judge(p_now, above, below, false); END IF;
  END LOOP;
  RETURN events;
END $$;

-- A job on the way down to the revived one: the end of the node below it is taken back.
CREATE OR REPLACE FUNCTION reopen(p_now bigint, self job, node job) RETURNS event[] LANGUAGE plpgsql AS $$
DECLARE
  next job := self;
  saved event;
BEGIN
  IF self.state < 7 THEN
    UPDATE job SET version = version + 1, updated_at = p_now WHERE seq = self.seq;
    saved := ROW(self.seq, self.lane, self.state, self.state, 0, false, NULL, 0, NULL)::event;
  ELSE
    next.state := 5;
    saved := reopen_job(p_now, self, next, false);
  END IF;
  IF reopen_barrier(self.seq, (CASE WHEN node.role = 2 THEN 1 ELSE 2 END)::smallint, node) THEN saved.mark := 2; END IF;
  RETURN ARRAY[saved];
END $$;

-- The job that was asked for: its run starts anew or, where that was accepted, what died below it.
CREATE OR REPLACE FUNCTION reopen_retried(p_now bigint, self job) RETURNS event[] LANGUAGE plpgsql AS $$
DECLARE
  next job := self;
  saved event;
BEGIN
  IF self.run = 1 THEN
    next.state := 5;
  ELSE
    next.run := 0;
    next.ran_at := NULL;
    next.run_at := p_now;
    next.state := CASE WHEN self.role = 2 THEN 6 ELSE 2 END;
    next.hold := CASE WHEN self.role = 2 THEN 2 ELSE 0 END;
  END IF;
  saved := reopen_job(p_now, self, next, true);
  IF self.below AND reopen_barrier(self.seq, (CASE WHEN self.run = 1 THEN 3 ELSE 2 END)::smallint, NULL) THEN saved.mark := 2; END IF;
  RETURN ARRAY[saved];
END $$;

-- Brings back at most `max` nodes below one locked job, in order up to one that somebody else has locked. A node that came back and
-- ended again is not taken again. The mark goes with the last; `more`: it stays.
CREATE OR REPLACE FUNCTION bring_back_below(
  p_now bigint, p_parent bigint, p_max integer, OUT touched integer, OUT more boolean, OUT events event[]
) LANGUAGE plpgsql AS $$
DECLARE
  parent job;
  mark barrier;
  targets bigint[];
  nodes job[];
  node job;
BEGIN
  touched := 0;
  more := false;
  events := '{}';
  SELECT * INTO mark FROM barrier b WHERE b.seq = p_parent AND b.reviving <> 0;
  SELECT * INTO parent FROM job j WHERE j.seq = p_parent;
  IF mark.seq IS NULL OR parent.seq IS NULL THEN RETURN; END IF;
  targets := ARRAY(SELECT t.seq FROM revival_targets(p_parent, mark.reviving, mark.revived, p_max + 1) t);
  nodes := ARRAY(
    SELECT j FROM job j WHERE j.seq = ANY(targets[1:p_max]) AND j.state >= 8 ORDER BY j.position FOR UPDATE SKIP LOCKED);
  touched := (SELECT count(*) FROM generate_subscripts(nodes, 1) AS g(at) WHERE (nodes[g.at]).seq = targets[g.at]);
  nodes := nodes[1:touched];
  events := bring_back_leaves(p_now, parent, nodes);
  FOREACH node IN ARRAY nodes LOOP
    CONTINUE WHEN is_fresh_leaf(node.run, node.recorded, node.below);
    events := events || bring_back(p_now, parent, node, mark.reviving);
  END LOOP;
  IF touched > 0 THEN mark.revived := (nodes[touched]).position; END IF;
  more := touched < cardinality(targets);
  UPDATE barrier b SET reviving = CASE WHEN more THEN mark.reviving ELSE 0 END, revived = mark.revived WHERE b.seq = p_parent;
END $$;

-- Whose run was not accepted, with nothing below.
CREATE OR REPLACE FUNCTION is_fresh_leaf(run smallint, recorded smallint, below boolean) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT run <> 1 AND recorded <> 1 AND NOT below
$$;

-- The usual case, all at once, as bring_back and reopen_job do it one by one: those of the locked nodes that start anew and have
-- nothing below them.
CREATE OR REPLACE FUNCTION bring_back_leaves(p_now bigint, parent job, p_nodes job[]) RETURNS event[] LANGUAGE plpgsql AS $$
DECLARE
  events event[];
BEGIN
  WITH leaf AS MATERIALIZED (
    SELECT n.seq, n.lane, n.state AS was, n.role, n.neg_priority, n.payload_bytes, t.run_at,
      CASE WHEN n.role = 2 OR parent.run <> 1 THEN 6 WHEN t.run_at > p_now THEN 1 ELSE 2 END AS state
    FROM unnest(p_nodes) n
    CROSS JOIN LATERAL (
      SELECT CASE WHEN n.role = 1 AND parent.run = 1 THEN greatest(p_now, n.run_at) ELSE n.run_at END AS run_at) t
    WHERE is_fresh_leaf(n.run, n.recorded, n.below)
  ), back AS (
    UPDATE job j SET
      version = j.version + 1, updated_at = p_now, epoch = j.epoch + 1, state = l.state,
      hold = CASE WHEN l.state = 6 THEN l.role ELSE 0 END, run_at = l.run_at, run = 0, ran_at = NULL, finished_at = NULL,
      cancel = 0, cancel_heirs = false, reason = 0, edge_flipped = false, propagate_due = false, result_of = NULL,
      failure_count = 0, crash_count = 0, snooze_count = 0, fingerprint = NULL
    FROM leaf l WHERE j.seq = l.seq
  ), claimable AS (
    INSERT INTO ready SELECT lane, neg_priority, run_at, seq, payload_bytes FROM leaf WHERE state = 2
  ), later AS (
    INSERT INTO due SELECT run_at, seq FROM leaf WHERE state = 1
  )
  SELECT coalesce(array_agg(ROW(NULL, f.lane, f.was, f.state, f.n, false, f.due, 0, NULL)::event), '{}') INTO events
  FROM (
    SELECT lane, was, state, count(*) AS n, min(run_at) FILTER (WHERE state = 1) AS due FROM leaf GROUP BY lane, was, state
  ) f;
  RETURN events;
END $$;

-- Brings back one node that its parent counts as open already. One whose run was accepted waits for what comes back below it, or
-- takes its verdict at once; every other starts anew where it stood.
CREATE OR REPLACE FUNCTION bring_back(p_now bigint, parent job, node job, p_scope smallint) RETURNS event[] LANGUAGE plpgsql AS $$
DECLARE
  next job := node;
  accepted boolean := node.run = 1 OR node.run = 4 AND node.recorded = 1;
  below barrier;
  saved event;
BEGIN
  next.hold := 0;
  IF accepted THEN
    next.state := 5;
    next.run := 1;
  ELSE
    next.run := 0;
    next.ran_at := NULL;
    IF node.role = 1 AND parent.run = 1 THEN
      next.run_at := greatest(p_now, node.run_at);
      next.state := CASE WHEN next.run_at > p_now THEN 1 ELSE 2 END;
    ELSE
      next.state := 6;
      next.hold := node.role;
    END IF;
  END IF;
  saved := reopen_job(p_now, node, next, true);
  IF node.below AND reopen_barrier(node.seq, (CASE WHEN p_scope = 3 THEN 3 ELSE 2 END)::smallint, NULL) THEN saved.mark := 2; END IF;
  IF NOT accepted THEN RETURN ARRAY[saved]; END IF;
  SELECT * INTO below FROM barrier b WHERE b.seq = node.seq;
  IF below.pending_children + below.pending_heirs > 0 THEN RETURN ARRAY[saved]; END IF;
  SELECT * INTO next FROM job j WHERE j.seq = node.seq;
  RETURN saved || judge(p_now, next, below, true);
END $$;
