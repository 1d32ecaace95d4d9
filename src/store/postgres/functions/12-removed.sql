-- A row may be removed behind the broker's back, by an operator at a prompt: counters stay right, nothing is left over. A parent
-- whose child was removed waits on, visibly, until it is dealt with.
CREATE OR REPLACE FUNCTION forget_jobs() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  seqs bigint[] := ARRAY(SELECT g.seq FROM gone g ORDER BY 1);
BEGIN
  DELETE FROM ready r USING gone g
  WHERE r.lane = g.lane AND r.neg_priority = g.neg_priority AND r.run_at = g.run_at AND r.seq = g.seq;
  DELETE FROM due d USING gone g WHERE d.run_at = g.run_at AND d.seq = g.seq;
  DELETE FROM leased l USING gone g WHERE l.session = g.session AND l.seq = g.seq;
  DELETE FROM payload p WHERE p.seq = ANY(seqs);
  DELETE FROM result r WHERE r.seq = ANY(seqs);
  DELETE FROM attempt a WHERE a.seq = ANY(seqs);
  DELETE FROM barrier b WHERE b.seq = ANY(seqs);
  DELETE FROM cascade c WHERE c.seq = ANY(seqs);
  DELETE FROM chain c WHERE c.root = ANY(seqs);
  DELETE FROM progress p WHERE p.seq = ANY(seqs);
  -- Before what it is about, as who clears that away (drop_frames) locks them.
  DELETE FROM frame_unwanted u WHERE u.seq = ANY(seqs);
  DELETE FROM frame f WHERE f.seq = ANY(seqs);
  DELETE FROM frame_key k WHERE k.seq = ANY(seqs);
  DELETE FROM expansion e WHERE e.seq = ANY(seqs);
  DELETE FROM pruning p WHERE p.root = ANY(seqs);
  INSERT INTO counter AS c (lane, state, stripe, n)
  SELECT g.lane, g.state, pg_backend_pid() % 16, -count(*) FROM gone g GROUP BY g.lane, g.state ORDER BY g.lane, g.state
  ON CONFLICT (lane, state, stripe) DO UPDATE SET n = c.n + excluded.n;
  RETURN NULL;
END $$;

-- Only when it is missing: it takes a lock that waits for every open transaction on the table, and everyone would wait behind it.
DO $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = 'job'::regclass AND t.tgname = 'job_removed') THEN
    CREATE TRIGGER job_removed AFTER DELETE ON job REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION forget_jobs();
  END IF;
END $$;
