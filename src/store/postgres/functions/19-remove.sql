-- Removing ended chains: the newest jobs first, the root last. Locks: roots (the newest first, as whoever goes up from dead jobs
-- does), then jobs of their chains that nobody else has locked; what somebody holds is left to a later step. Rows beside the
-- jobs and counters follow by trigger (12-removed.sql), for all of a step at once.

-- Removes chains by their roots, together at most `max` jobs; what is not gone then is marked, and goes with prune. Answers per id
-- null (missing), {open: state}, {below: id of the root} or {n: jobs removed, more}.
CREATE OR REPLACE FUNCTION remove_chains(p_now bigint, p_ids text[], p_max integer) RETURNS jsonb
LANGUAGE plpgsql SET search_path FROM CURRENT
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET plan_cache_mode = force_generic_plan SET lock_timeout = '10s' AS $$
DECLARE
  at bigint := now_ms(p_now);
  answers jsonb := '[]';
  going bigint[] := '{}';
  root job;
  seqs bigint[];
BEGIN
  PERFORM 1 FROM job j WHERE j.id = ANY(p_ids) AND j.root IS NULL AND j.state >= 7 ORDER BY j.seq DESC FOR UPDATE;
  FOR nth IN 1..cardinality(p_ids) LOOP
    SELECT * INTO root FROM job j WHERE j.id = p_ids[nth];
    IF root.root IS NULL AND root.state >= 7 THEN SELECT * INTO root FROM job j WHERE j.seq = root.seq FOR UPDATE; END IF;
    IF root.seq IS NULL OR root.seq = ANY(going) OR is_going(root) THEN
      answers := answers || '[null]';
    ELSIF root.root IS NOT NULL THEN
      answers := answers || jsonb_build_array(jsonb_build_object('below', (SELECT j.id FROM job j WHERE j.seq = root.root)));
    ELSIF root.state < 7 THEN
      answers := answers || jsonb_build_array(jsonb_build_object('open', root.state));
    ELSE
      seqs := next_to_go(root.seq, p_max - cardinality(going));
      going := going || seqs;
      answers := answers || jsonb_build_array(jsonb_build_object('n', cardinality(seqs), 'more', NOT root.seq = ANY(seqs)));
    END IF;
  END LOOP;
  PERFORM remove_jobs(at, going);
  RETURN answers;
END $$;

-- The next jobs of a chain to be removed, locked, its root the last of them; the root, which is locked, is marked unless it is
-- among them.
CREATE OR REPLACE FUNCTION next_to_go(p_root bigint, p_max integer) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
  -- Said so that only the index by root gives the order.
  seqs bigint[] := ARRAY(SELECT j.seq FROM job j WHERE j.root BETWEEN p_root AND p_root ORDER BY j.root DESC, j.seq DESC LIMIT p_max);
  free bigint[] := ARRAY(SELECT j.seq FROM job j WHERE j.seq = ANY(seqs) ORDER BY j.seq DESC FOR UPDATE SKIP LOCKED);
BEGIN
  IF cardinality(free) < cardinality(seqs) THEN
    -- Up to the first that somebody holds.
    free := ARRAY(SELECT u.seq FROM unnest(free) WITH ORDINALITY AS u(seq, at) WHERE u.seq = seqs[u.at] ORDER BY u.at);
  ELSIF cardinality(seqs) < p_max THEN
    RETURN free || p_root;
  END IF;
  INSERT INTO pruning (root) VALUES (p_root) ON CONFLICT DO NOTHING;
  RETURN free;
END $$;

-- Removes jobs, and remembers the roots among them for a day.
CREATE OR REPLACE FUNCTION remove_jobs(p_now bigint, p_seqs bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF cardinality(p_seqs) = 0 THEN RETURN; END IF;
  -- What is over and has one of the names stands in the way no more.
  DELETE FROM tombstone t WHERE t.id = ANY(ARRAY(SELECT j.id FROM job j WHERE j.seq = ANY(p_seqs) AND j.root IS NULL));
  DELETE FROM tombstone t WHERE t.request_id = ANY(ARRAY(
    SELECT j.request_id FROM job j WHERE j.seq = ANY(p_seqs) AND j.root IS NULL AND j.request_id IS NOT NULL));
  INSERT INTO tombstone (id, request_id, type, payload_hash, expires_at)
  SELECT j.id, j.request_id, l.type, sha256(p.bytes), p_now + 86400000
  FROM job j JOIN lane l ON l.id = j.lane JOIN payload p ON p.seq = j.seq WHERE j.seq = ANY(p_seqs) AND j.root IS NULL;
  DELETE FROM job j WHERE j.seq = ANY(p_seqs);
END $$;
