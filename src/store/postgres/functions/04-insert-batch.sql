-- The inserts of a commit, all together; or one by one when somebody's open transaction holds an id that is among them.

-- The inserts of a commit. `p_shapes`: [{…shape, n: how many}] of jobs that stand alone, in the parallel lists after it, and `p_plain`:
-- others that do; all at once. Then what was in the way of one of them, and items of trees, one by one.
-- Answers [[index, answer of insert_item]] for items that are not plain or not new.
CREATE OR REPLACE FUNCTION insert_together(
  p_now bigint, p_shapes jsonb, p_slots integer[], p_indexes integer[], p_ids text[], p_requests text[], p_offsets integer[],
  p_lengths integer[], p_plain jsonb, p_items jsonb, p_seqs bigint[], p_lanes integer[], p_names integer[], p_bytes bytea,
  OUT answers jsonb, OUT events event[]
) LANGUAGE plpgsql AS $$
DECLARE
  rest jsonb := p_items;
  shape jsonb;
  done integer := 0;
  upto integer;
  jobs bigint[];
  said record;
  item jsonb;
  repeats boolean := is_remembered(p_now, p_ids, p_requests) OR has_remembered(p_now, p_plain);
BEGIN
  answers := '[]';
  events := '{}';
  IF repeats THEN
    rest := one_by_one(p_shapes, p_slots, p_indexes, p_ids, p_requests, p_offsets, p_lengths, p_plain, p_items);
  END IF;
  FOR nth IN 0..CASE WHEN repeats THEN 0 ELSE jsonb_array_length(p_shapes) END - 1 LOOP
    shape := p_shapes -> nth;
    upto := done + (shape ->> 'n')::integer;
    jobs := ARRAY(SELECT p_seqs[u.slot] FROM unnest(p_slots[done + 1:upto]) WITH ORDINALITY AS u(slot, at) ORDER BY u.at);
    SELECT * INTO said FROM insert_alike(p_now, shape, jobs, p_ids[done + 1:upto], p_requests[done + 1:upto],
      p_offsets[done + 1:upto], p_lengths[done + 1:upto], p_lanes, p_names, p_bytes);
    events := events || said.events;
    IF said.inserted < upto - done THEN
      rest := rest || (
        SELECT jsonb_agg(jsonb_build_object('i', p_indexes[at], 'x', true, 'r', jsonb_build_array(
          row_alike(shape, p_slots[at], p_ids[at], p_requests[at], p_offsets[at], p_lengths[at]))))
        FROM generate_series(done + 1, upto) AS g(at)
        WHERE NOT EXISTS (SELECT 1 FROM job j WHERE j.seq = p_seqs[p_slots[at]]));
    END IF;
    done := upto;
  END LOOP;
  IF p_plain <> '[]' AND NOT repeats THEN
    SELECT * INTO said FROM insert_rows(p_now, p_plain, p_seqs, p_lanes, p_names, p_bytes, NULL, 0, NULL);
    events := events || said.events;
    IF said.inserted < jsonb_array_length(p_plain) THEN
      rest := rest || (
        SELECT jsonb_agg(jsonb_build_object('i', x -> 'i', 'x', true, 'r', jsonb_build_array(x))) FROM jsonb_array_elements(p_plain) x
        WHERE NOT EXISTS (SELECT 1 FROM job j WHERE j.seq = p_seqs[(x ->> 's')::integer]));
    END IF;
  END IF;
  -- Looked at again: what has one of the ids may have been removed while this waited for it. Then all of it is tried anew.
  IF NOT repeats AND (is_remembered(p_now, p_ids, p_requests) OR has_remembered(p_now, p_plain)) THEN
    RAISE serialization_failure USING MESSAGE = 'a job of this id was just removed';
  END IF;
  IF rest <> '[]' THEN
    FOR item IN SELECT x FROM jsonb_array_elements(rest) x ORDER BY (x ->> 'i')::integer LOOP
      SELECT * INTO said FROM insert_item(p_now, item, p_seqs, p_lanes, p_names, p_bytes);
      answers := answers || jsonb_build_array(jsonb_build_array(item -> 'i', said.answer));
      events := events || said.events;
    END LOOP;
  END IF;
END $$;

-- As insert_together; items whose ids or request ids another transaction holds for longer than moments are refused with SERVER_BUSY,
-- the rest goes in: the sessions of the commit are locked meanwhile. Leaves lock_timeout as the entry functions set it.
CREATE OR REPLACE FUNCTION insert_batch(
  p_now bigint, p_shapes jsonb, p_slots integer[], p_indexes integer[], p_ids text[], p_requests text[], p_offsets integer[],
  p_lengths integer[], p_plain jsonb, p_items jsonb, p_seqs bigint[], p_lanes integer[], p_names integer[], p_bytes bytea,
  OUT answers jsonb, OUT events event[]
) LANGUAGE plpgsql AS $$
BEGIN
  BEGIN
    PERFORM set_config('lock_timeout', '1000', true);
    SELECT f.answers, f.events INTO answers, events FROM insert_together(p_now, p_shapes, p_slots, p_indexes, p_ids, p_requests,
      p_offsets, p_lengths, p_plain, p_items, p_seqs, p_lanes, p_names, p_bytes) f;
    PERFORM set_config('lock_timeout', '10000', true);
    RETURN;
  EXCEPTION WHEN lock_not_available THEN
    -- Held is a job, not the table: that would be no item's fault.
    LOCK TABLE job IN ROW EXCLUSIVE MODE NOWAIT;
  END;
  SELECT f.answers, f.events INTO answers, events FROM insert_singly(p_now,
    one_by_one(p_shapes, p_slots, p_indexes, p_ids, p_requests, p_offsets, p_lengths, p_plain, p_items),
    p_seqs, p_lanes, p_names, p_bytes) f;
  PERFORM set_config('lock_timeout', '10000', true);
END $$;

-- All that insert_together was given, as items.
CREATE OR REPLACE FUNCTION one_by_one(
  p_shapes jsonb, p_slots integer[], p_indexes integer[], p_ids text[], p_requests text[], p_offsets integer[], p_lengths integer[],
  p_plain jsonb, p_items jsonb
) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
  RETURN p_items || coalesce((SELECT jsonb_agg(jsonb_build_object('i', x -> 'i', 'x', true, 'r', jsonb_build_array(x)))
      FROM jsonb_array_elements(p_plain) x), '[]')
    || coalesce((SELECT jsonb_agg(jsonb_build_object('i', p_indexes[u.at], 'x', true, 'r', jsonb_build_array(
        row_alike(u.shape, p_slots[u.at], p_ids[u.at], p_requests[u.at], p_offsets[u.at], p_lengths[u.at]))))
      FROM (SELECT s.shape, row_number() OVER (ORDER BY s.nth, g.n) AS at
        FROM jsonb_array_elements(p_shapes) WITH ORDINALITY AS s(shape, nth), generate_series(1, (s.shape ->> 'n')::integer) AS g(n)) u), '[]');
END $$;

-- One of the jobs that insert_alike inserts, as a row.
CREATE OR REPLACE FUNCTION row_alike(p_shape jsonb, p_slot integer, p_id text, p_request text, p_offset integer, p_length integer)
RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT (p_shape - 'n') || jsonb_strip_nulls(
    jsonb_build_object('t', 0, 's', p_slot, 'id', p_id, 'rq', p_request, 'o', p_offset, 'z', p_length))
$$;

-- Inserts items in order, each by itself. All that wait for somebody wait two seconds together.
CREATE OR REPLACE FUNCTION insert_singly(
  p_now bigint, p_items jsonb, p_seqs bigint[], p_lanes integer[], p_names integer[], p_bytes bytea,
  OUT answers jsonb, OUT events event[]
) LANGUAGE plpgsql AS $$
DECLARE
  until timestamptz := clock_timestamp() + interval '2s';
  item jsonb;
  said record;
BEGIN
  answers := '[]';
  events := '{}';
  FOR item IN SELECT x FROM jsonb_array_elements(p_items) x ORDER BY (x ->> 'i')::integer LOOP
    BEGIN
      PERFORM set_config('lock_timeout', greatest(1, ceil(extract(epoch FROM until - clock_timestamp()) * 1000))::text, true);
      SELECT * INTO said FROM insert_item(p_now, item, p_seqs, p_lanes, p_names, p_bytes);
      answers := answers || jsonb_build_array(jsonb_build_array(item -> 'i', said.answer));
      events := events || said.events;
    EXCEPTION WHEN lock_not_available THEN
      answers := answers || jsonb_build_array(jsonb_build_array(item -> 'i', jsonb_build_object('refused',
        held_tree(p_now, item -> 'r', p_seqs, p_lanes, p_names, p_bytes))));
    END;
  END LOOP;
END $$;

-- [index, SERVER_BUSY, id] of the first tree of an item that cannot go in without a wait. Inserts nothing.
CREATE OR REPLACE FUNCTION held_tree(
  p_now bigint, p_rows jsonb, p_seqs bigint[], p_lanes integer[], p_names integer[], p_bytes bytea
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  tree record;
BEGIN
  FOR tree IN
    SELECT x -> 't' AS index, jsonb_agg(x ORDER BY (x ->> 's')::integer) AS rows
    FROM jsonb_array_elements(p_rows) x GROUP BY 1 ORDER BY (x -> 't')::integer
  LOOP
    BEGIN
      PERFORM set_config('lock_timeout', '1', true);
      PERFORM insert_rows(p_now, tree.rows, p_seqs, p_lanes, p_names, p_bytes, NULL, 0, NULL);
      RAISE EXCEPTION 'to undo it';
    EXCEPTION
      WHEN raise_exception THEN NULL;
      WHEN lock_not_available THEN EXIT;
    END;
  END LOOP;
  RETURN jsonb_build_array(tree.index, 'SERVER_BUSY', tree.rows -> 0 -> 'id');
END $$;
