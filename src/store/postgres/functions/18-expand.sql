-- Puts staged children into their chains. Locks: parents that nobody else has locked, sorted; what goes in is new.

-- At most `max` children of accepted results, in the order of their parents' insertion and of their staging.
CREATE OR REPLACE FUNCTION expand(p_now bigint, p_max integer) RETURNS json
LANGUAGE plpgsql SET search_path FROM CURRENT
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET plan_cache_mode = force_generic_plan SET lock_timeout = '10s' AS $$
DECLARE
  at bigint := now_ms(p_now);
  worked integer := 0;
  parent job;
  step record;
  events event[] := '{}';
BEGIN
  FOREACH parent IN ARRAY ARRAY(
    SELECT j FROM unnest(ARRAY(SELECT e.seq FROM expansion e ORDER BY e.seq LIMIT 100)) AS d(seq) JOIN job j ON j.seq = d.seq
    ORDER BY j.seq FOR UPDATE OF j SKIP LOCKED)
  LOOP
    EXIT WHEN worked >= p_max;
    SELECT * INTO step FROM expand_below(at, parent, p_max - worked);
    worked := worked + step.inserted;
    events := events || step.events;
  END LOOP;
  RETURN json_build_object('n', worked, 'more', EXISTS (SELECT 1 FROM expansion), 'e', finish(events));
END $$;

-- Puts in at most `max` children of one locked job, frame by frame.
CREATE OR REPLACE FUNCTION expand_below(p_now bigint, parent job, p_max integer, OUT inserted integer, OUT events event[])
LANGUAGE plpgsql AS $$
DECLARE
  mark expansion;
  piece frame;
  step record;
  -- Children run at once unless what is below is being cancelled.
  held boolean := parent.run <> 1 OR parent.cancel <> 0 OR EXISTS (SELECT 1 FROM cascade c WHERE c.seq = parent.seq);
  metadata text := (SELECT p.metadata FROM payload p WHERE p.seq = parent.seq);
BEGIN
  inserted := 0;
  events := '{}';
  SELECT * INTO mark FROM expansion e WHERE e.seq = parent.seq;
  WHILE mark.seq IS NOT NULL AND inserted < p_max LOOP
    SELECT * INTO piece FROM frame f WHERE f.seq = parent.seq AND f.attempt = parent.attempt AND f.number = mark.number;
    EXIT WHEN piece.seq IS NULL;
    SELECT * INTO step FROM expand_frame(p_now, parent, piece, mark.done, least(piece.nodes - mark.done, p_max - inserted), held, metadata);
    inserted := inserted + step.inserted;
    events := events || step.events;
    mark.done := mark.done + step.inserted;
    IF mark.done = piece.nodes THEN
      DELETE FROM frame f WHERE f.seq = parent.seq AND f.attempt = parent.attempt AND f.number = mark.number;
      mark.number := mark.number + 1;
      mark.done := 0;
    END IF;
  END LOOP;
  UPDATE job SET staged = staged - inserted, version = version + 1, updated_at = p_now WHERE seq = parent.seq;
  IF inserted < parent.staged THEN
    UPDATE expansion e SET number = mark.number, done = mark.done WHERE e.seq = parent.seq;
    RETURN;
  END IF;
  DELETE FROM expansion e WHERE e.seq = parent.seq;
  IF EXISTS (SELECT 1 FROM cascade c WHERE c.seq = parent.seq)
    OR EXISTS (SELECT 1 FROM barrier b WHERE b.seq = parent.seq AND b.reviving <> 0)
  THEN
    events := events || ROW(parent.seq, parent.lane, parent.state, parent.state, 0, false, NULL, 2, NULL)::event;
  END IF;
END $$;

-- Puts in so many rows of a frame after those that are in, behind all nodes that the parent has.
CREATE OR REPLACE FUNCTION expand_frame(
  p_now bigint, parent job, piece frame, p_done integer, p_count integer, p_held boolean, p_metadata text,
  OUT inserted integer, OUT events event[]
) LANGUAGE plpgsql AS $$
DECLARE
  rows jsonb := (
    SELECT jsonb_agg(CASE WHEN p_held THEN y.x || '{"h": 1}' ELSE y.x END ORDER BY y.at)
    FROM jsonb_array_elements(piece.rows) WITH ORDINALITY AS y(x, at) WHERE y.at > p_done AND y.at <= p_done + p_count);
  first integer := next_position(parent.seq);
BEGIN
  SELECT f.inserted, f.events INTO inserted, events
  FROM insert_rows(p_now, rows, array_fill(NULL::bigint, ARRAY[p_done]) || job_seqs(p_count), piece.lanes, piece.names, piece.bytes,
    parent, first - p_done, p_metadata) f;
  IF inserted < p_count THEN
    RAISE unique_violation USING MESSAGE = format('the id of a job that job %s staged is taken', parent.id);
  END IF;
  DELETE FROM frame_key k WHERE k.seq = parent.seq AND k.attempt = parent.attempt
    AND k.key = ANY(ARRAY(SELECT x ->> 'k' FROM jsonb_array_elements(rows) x WHERE x ? 'k'));
END $$;
