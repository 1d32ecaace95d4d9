-- The write verb of the hot path: renew, settle, insert, claim in one call. Items and answers are those of the files before.
-- `p_lanes`: queue, type, queue, type, … and `p_names`: texts that items name by place, from 1; `p_slots`: how many jobs it may
-- insert, numbered in the order of the items; `p_bytes`: payloads and results end to end, offsets from 1.
CREATE OR REPLACE FUNCTION commit_batch(
  p_now bigint, p_defaults jsonb, p_lanes text[], p_names text[], p_slots integer, p_bytes bytea,
  p_renew jsonb, p_done bigint[], p_leases text[], p_types integer[], p_offsets integer[], p_lengths integer[],
  p_settle jsonb, p_shapes jsonb, p_job_slots integer[], p_job_indexes integer[], p_job_ids text[], p_job_requests text[],
  p_job_offsets integer[], p_job_lengths integer[], p_plain jsonb, p_items jsonb, p_claims jsonb, OUT answer json, OUT payloads bytea
) LANGUAGE plpgsql SET search_path FROM CURRENT
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET plan_cache_mode = force_generic_plan SET lock_timeout = '10s' AS $$
DECLARE
  at bigint := now_ms(p_now);
  lanes integer[] := '{}';
  names integer[] := '{}';
  seqs bigint[] := '{}';
  events event[] := '{}';
  renewed jsonb := '[]';
  settled record;
  inserted record;
  claimed record;
  done json;
  settle_answers jsonb := '[]';
  insert_answers jsonb := '[]';
  counts integer[] := '{}';
  leases json;
  leased_lanes json;
BEGIN
  IF cardinality(p_lanes) > 0 THEN lanes := lane_ids(p_lanes); END IF;
  IF cardinality(p_names) > 0 THEN names := name_ids(p_names); END IF;
  IF p_slots > 0 THEN seqs := job_seqs(p_slots); END IF;
  IF p_renew <> '[]' OR p_claims <> '[]' THEN PERFORM lock_sessions(p_renew, p_claims); END IF;
  IF p_renew <> '[]' THEN renewed := renew_sessions(at, p_renew); END IF;
  IF cardinality(p_done) > 0 OR p_settle <> '[]' THEN
    SELECT * INTO settled FROM settle_batch(
      at, p_defaults, p_done, p_leases, p_types, p_offsets, p_lengths, p_settle, seqs, lanes, names, p_bytes);
    done := settled.done;
    settle_answers := settled.answers;
    events := settled.events;
  END IF;
  IF p_shapes <> '[]' OR p_plain <> '[]' OR p_items <> '[]' THEN
    SELECT * INTO inserted FROM insert_batch(at, p_shapes, p_job_slots, p_job_indexes, p_job_ids, p_job_requests, p_job_offsets,
      p_job_lengths, p_plain, p_items, seqs, lanes, names, p_bytes);
    insert_answers := inserted.answers;
    events := events || inserted.events;
  END IF;
  IF p_claims <> '[]' THEN
    SELECT * INTO claimed FROM claim_batch(at, p_claims, events);
    counts := claimed.counts;
    leases := claimed.leases;
    leased_lanes := claimed.lanes;
    payloads := claimed.payloads;
    events := claimed.events;
  END IF;
  answer := json_build_object('renewed', renewed, 'done', done, 'settled', settle_answers, 'inserted', insert_answers,
    'counts', counts, 'leases', leases, 'lanes', leased_lanes, 'effects', finish(events));
END $$;
