-- Successes. Items are those of 05-settle.sql. Locks: the caller holds the job; what it declares is new.

-- Why what a success declares, with what was staged before, cannot be stored below the job; NULL: it can. `p_more`: nodes that this
-- batch added to its chain.
CREATE OR REPLACE FUNCTION declaration_problem(self job, p_item jsonb, p_more bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  declared integer := coalesce(jsonb_array_length(p_item -> 'n'), 0);
  heirs integer := coalesce((p_item ->> 'hs')::integer, 0);
BEGIN
  IF coalesce((p_item ->> 'st')::integer, 0) <> self.staged THEN RETURN 'STAGE_INCOMPLETE'; END IF;
  IF declared + self.staged = 0 THEN RETURN NULL; END IF;
  IF self.depth + 1 > 64 THEN RETURN 'CHAIN_TOO_DEEP'; END IF;
  IF chain_nodes(self) + p_more + declared + self.staged > 1000000 THEN RETURN 'CHAIN_TOO_LARGE'; END IF;
  IF declared > 2000 OR count_below(self, 1) + declared - heirs + self.staged > 100000 THEN RETURN 'TOO_MANY_CHILDREN'; END IF;
  IF count_below(self, 2) + heirs > 16 THEN RETURN 'TOO_MANY_HEIRS'; END IF;
  IF p_item ->> 'dk' = 'DUPLICATE_KEY' OR has_key_below(self, p_item -> 'n') THEN RETURN 'DUPLICATE_KEY'; END IF;
  IF p_item ->> 'dk' = 'TREE_INVALID' OR self.below AND (
    EXISTS (SELECT 1 FROM jsonb_array_elements(p_item -> 'n') x WHERE x ? 'ar')
    AND EXISTS (SELECT 1 FROM job j WHERE j.parent = self.seq AND j.as_result)
  ) THEN RETURN 'TREE_INVALID'; END IF;
  RETURN NULL;
END $$;

-- Jobs of a job's chain, with those that were accepted and are not yet put in.
CREATE OR REPLACE FUNCTION chain_nodes(self job) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  RETURN (SELECT coalesce(sum(c.nodes), 1) FROM chain c WHERE c.root = coalesce(self.root, self.seq));
END $$;

-- Children (1) or heirs (2) of a job.
CREATE OR REPLACE FUNCTION count_below(self job, p_role integer) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  IF NOT self.below THEN RETURN 0; END IF;
  RETURN (SELECT count(*) FROM job j WHERE j.parent = self.seq AND j.role = p_role);
END $$;

-- The place of the next node below a job, behind those that it has; one look for each role, however many they are.
CREATE OR REPLACE FUNCTION next_position(p_seq bigint) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  RETURN 1 + greatest(-1,
    (SELECT max(j.position) FROM job j WHERE j.parent = p_seq AND j.role = 1),
    (SELECT max(j.position) FROM job j WHERE j.parent = p_seq AND j.role = 2));
END $$;

-- Whether one of these declared rows has a key that a node below the job or a staged one has.
CREATE OR REPLACE FUNCTION has_key_below(self job, p_rows jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  -- As values, not joins: so each is one look into the index, whatever is known of the tables.
  RETURN self.below AND EXISTS (
      SELECT 1 FROM jsonb_array_elements(p_rows) x
      WHERE x ? 'k' AND (SELECT j.seq FROM job j WHERE j.parent = self.seq AND j.key = x ->> 'k') IS NOT NULL)
    OR self.staged > 0 AND EXISTS (
      SELECT 1 FROM jsonb_array_elements(p_rows) x
      WHERE x ? 'k' AND (
        SELECT f.seq FROM frame_key f WHERE f.seq = self.seq AND f.attempt = self.attempt AND f.key = x ->> 'k') IS NOT NULL);
END $$;

-- Accepts the success of a running job with all that it declares. What cannot be stored is a failed attempt instead. After a
-- cancel nothing below the job runs: what it declares is stored, and cancelled in steps.
CREATE OR REPLACE FUNCTION succeed(
  p_now bigint, p_defaults jsonb, self job, p_item jsonb, p_more bigint,
  p_seqs bigint[], p_lanes integer[], p_names integer[], p_bytes bytea
) RETURNS event[] LANGUAGE plpgsql AS $$
DECLARE
  next job := self;
  nodes jsonb := p_item -> 'n';
  problem text;
  skipped boolean;
  events event[] := '{}';
BEGIN
  problem := declaration_problem(self, p_item, p_more);
  IF problem IS NOT NULL THEN
    RETURN end_lease(p_now, p_defaults, self, 2, (p_defaults #> ARRAY['errors', problem])
      || jsonb_build_object('s', p_item -> 's', 'j', p_item -> 'j', 'p', problem));
  END IF;
  IF p_item ? 'r' THEN
    INSERT INTO result (seq, type, bytes)
    VALUES (self.seq, p_names[(p_item #>> '{r,0}')::integer],
      substr(p_bytes, (p_item #>> '{r,1}')::integer, (p_item #>> '{r,2}')::integer))
    ON CONFLICT (seq) DO UPDATE SET type = excluded.type, bytes = excluded.bytes;
  END IF;
  next.sent := (p_item ->> 's')::smallint;
  next.recorded := 1;
  next.problem := p_item ->> 'p';
  next.below := self.below OR nodes IS NOT NULL OR self.staged > 0;
  skipped := self.cancel <> 0 AND next.below;
  IF nodes IS NOT NULL THEN events := declare_nodes(p_now, self, p_item, skipped, p_seqs, p_lanes, p_names, p_bytes); END IF;
  IF self.staged > 0 THEN events := events || expect_staged(self); END IF;
  IF skipped THEN RETURN events || end_run(p_now, self, next, 4::smallint, self.cancel); END IF;
  RETURN events || accept_run(p_now, self, next);
END $$;

-- Inserts what a job declares, after the nodes that it has: children may run unless they are held, heirs wait.
CREATE OR REPLACE FUNCTION declare_nodes(
  p_now bigint, self job, p_item jsonb, p_held boolean,
  p_seqs bigint[], p_lanes integer[], p_names integer[], p_bytes bytea
) RETURNS event[] LANGUAGE plpgsql AS $$
DECLARE
  nodes jsonb := p_item -> 'n';
  heirs integer := (p_item ->> 'hs')::integer;
  first integer := 0;
  inserted bigint;
  events event[];
BEGIN
  IF p_held THEN
    SELECT jsonb_agg(CASE WHEN x ->> 'ro' = '1' THEN x || '{"h": 1}' ELSE x END) INTO nodes FROM jsonb_array_elements(nodes) x;
  END IF;
  IF self.below THEN first := next_position(self.seq); END IF;
  SELECT f.inserted, f.events INTO inserted, events
  FROM insert_rows(p_now, nodes, p_seqs, p_lanes, p_names, p_bytes, self, first,
    (SELECT p.metadata FROM payload p WHERE p.seq = self.seq)) f;
  IF inserted < jsonb_array_length(nodes) THEN
    RAISE unique_violation USING MESSAGE = format('the id of a job that job %s declares is taken', self.id);
  END IF;
  INSERT INTO barrier AS b (seq, pending_children, pending_heirs)
  VALUES (self.seq, jsonb_array_length(nodes) - heirs, heirs)
  ON CONFLICT (seq) DO UPDATE SET
    pending_children = b.pending_children + excluded.pending_children, pending_heirs = b.pending_heirs + excluded.pending_heirs;
  RETURN events;
END $$;
