-- Enqueue within an application's own transaction. The job is there when that commits, and never was when it does not.
--
--   conveyor.enqueue(type text, payload bytea, options jsonb DEFAULT '{}') RETURNS text            the job's id
--   conveyor.enqueue_batch(jobs jsonb, payloads bytea[]) RETURNS TABLE (id text, deduplicated boolean)
--     jobs: [{"type": …, and the options of each}], payloads at the same places; all or none
--
-- Options, all may be left out: id, request_id, queue ("default"), priority, delay (ms or "5m", "1h30m"), run_at (ISO 8601 with a time
-- zone, or ms since the epoch), max_attempts, timeout (as delay), backoff {kind, initial, max, multiplier, jitter}, metadata
-- {text: text}, notify (true: brokers hear of it at the commit, and not only at their next look).
--
-- They run with the rights of the schema's owner: a role needs USAGE on the schema and EXECUTE on these two, and no right on any table.
-- What is wrong is refused as INVALID_OPTION, INVALID_NAME, PAYLOAD_INVALID, PAYLOAD_TOO_LARGE or BATCH_TOO_LARGE (SQLSTATE 22023), a
-- taken id as JOB_ID_EXISTS or REQUEST_ID_REUSED (SQLSTATE 23505). Bounds are those of src/core/limits.ts and names.ts.

CREATE OR REPLACE FUNCTION enqueue(type text, payload bytea, options jsonb DEFAULT '{}') RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  IF enqueue.options ? 'type' THEN PERFORM refuse_enqueue('INVALID_OPTION', 'options.type', 'there is no such option'); END IF;
  RETURN (SELECT e.ids[1] FROM enqueue_jobs(
    jsonb_build_array(coalesce(enqueue.options, '{}') || jsonb_build_object('type', enqueue.type)),
    ARRAY[enqueue.payload], 'options') AS e);
END $$;

CREATE OR REPLACE FUNCTION enqueue_batch(jobs jsonb, payloads bytea[]) RETURNS TABLE (id text, deduplicated boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  RETURN QUERY SELECT u.id, u.deduplicated
  FROM enqueue_jobs(enqueue_batch.jobs, enqueue_batch.payloads, 'jobs') AS e,
    unnest(e.ids, e.known) WITH ORDINALITY AS u(id, deduplicated, at) ORDER BY u.at;
END $$;

-- Checks the jobs, inserts them, counts them apart from the brokers' counters, and tells the brokers when one of them asks for it.
CREATE OR REPLACE FUNCTION enqueue_jobs(p_jobs jsonb, p_payloads bytea[], p_path text, OUT ids text[], OUT known boolean[])
LANGUAGE plpgsql AS $$
DECLARE
  now bigint := now_ms(NULL);
  count integer;
  rows jsonb;
  lanes integer[];
  names integer[];
  said record;
  effects jsonb;
BEGIN
  IF p_jobs IS NULL OR jsonb_typeof(p_jobs) <> 'array' THEN PERFORM refuse_enqueue('INVALID_OPTION', p_path, 'it is a list of jobs'); END IF;
  count := jsonb_array_length(p_jobs);
  IF count <> coalesce(cardinality(p_payloads), 0) THEN
    PERFORM refuse_enqueue('PAYLOAD_INVALID', 'payloads', format('there is one for each job; got %s for %s', coalesce(cardinality(p_payloads), 0), count));
  END IF;
  IF count > 1000 OR (SELECT sum(octet_length(b)) FROM unnest(p_payloads) b) > 4194304 THEN
    PERFORM refuse_enqueue('BATCH_TOO_LARGE', p_path, 'at most 1000 jobs and 4194304 bytes of payload are taken');
  END IF;
  IF count = 0 THEN
    ids := '{}';
    known := '{}';
    RETURN;
  END IF;

  SELECT jsonb_agg(r.row ORDER BY r.at) INTO rows FROM (
    SELECT j.at, enqueue_row(now, j.job, p_payloads[j.at], CASE WHEN p_path = 'options' THEN p_path ELSE format('%s[%s]', p_path, j.at - 1) END)
      || jsonb_build_object('s', j.at, 't', j.at - 1, 'c', 0, 'e', 0,
        'o', 1 + coalesce(sum(octet_length(p_payloads[j.at])) OVER (ORDER BY j.at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)) AS row
    FROM jsonb_array_elements(p_jobs) WITH ORDINALITY AS j(job, at)) r;

  WITH lane_of AS (SELECT DISTINCT r ->> 'queue' AS queue, r ->> 'type' AS type FROM jsonb_array_elements(rows) r),
  numbered AS (SELECT queue, type, row_number() OVER (ORDER BY queue, type) AS at FROM lane_of)
  SELECT (SELECT lane_ids(array_agg(x.text ORDER BY n.at, x.part), true) FROM numbered n, unnest(ARRAY[n.queue, n.type]) WITH ORDINALITY x(text, part)),
    (SELECT jsonb_agg(r.row - 'queue' - 'type' || jsonb_build_object('l', n.at) ORDER BY r.at)
      FROM jsonb_array_elements(rows) WITH ORDINALITY AS r(row, at)
      JOIN numbered n ON n.queue = r.row ->> 'queue' AND n.type = r.row ->> 'type')
  INTO lanes, rows;

  names := name_ids(ARRAY['', 'postgres:' || session_user], true);
  SELECT * INTO said FROM insert_item(
    now, jsonb_build_object('i', 0, 'x', true, 'r', rows), job_seqs(count), lanes, names,
    (SELECT string_agg(b.bytes, ''::bytea ORDER BY b.at) FROM unnest(p_payloads) WITH ORDINALITY AS b(bytes, at)));
  IF said.answer ? 'refused' THEN
    PERFORM refuse_enqueue(said.answer #>> '{refused,1}',
      CASE WHEN p_path = 'options' THEN p_path ELSE format('%s[%s]', p_path, said.answer #>> '{refused,0}') END,
      format('a job of another content has this name: %s', said.answer #>> '{refused,2}'));
  END IF;
  effects := finish(said.events, true);
  SELECT array_agg(coalesce(said.answer -> 'repeats' ->> (r.at - 1)::integer, r.row ->> 'id') ORDER BY r.at),
    array_agg(said.answer -> 'repeats' ->> (r.at - 1)::integer IS NOT NULL ORDER BY r.at)
  INTO ids, known FROM jsonb_array_elements(rows) WITH ORDINALITY AS r(row, at);

  IF effects ? 'r' AND EXISTS (SELECT 1 FROM jsonb_array_elements(p_jobs) j WHERE j -> 'notify' = 'true') THEN
    PERFORM pg_notify('conveyor:' || current_schema(), left_out_at(effects -> 'r', 7900));
  END IF;
END $$;

-- The news of lanes as text, as src/store/postgres/news-text.ts reads them; lanes beyond the bytes are left out.
CREATE OR REPLACE FUNCTION left_out_at(p_lanes jsonb, p_bytes integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT jsonb_build_object('r', jsonb_object_agg(q.queue, q.types))::text FROM (
    SELECT l.lane ->> 0 AS queue, jsonb_agg(l.lane -> 1) AS types FROM (
      SELECT x AS lane, sum(octet_length(x::text) + 4) OVER (ORDER BY x::text) AS upto FROM jsonb_array_elements(p_lanes) x) l
    WHERE l.upto < p_bytes GROUP BY 1) q
$$;

-- One job as insert_rows takes it, with its queue and type; refuses what a broker would refuse.
CREATE OR REPLACE FUNCTION enqueue_row(p_now bigint, p_job jsonb, p_payload bytea, p_path text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  given jsonb := jsonb_strip_nulls(p_job);
  type text := given ->> 'type';
  queue text := coalesce(given ->> 'queue', 'default');
  unknown text;
BEGIN
  IF p_job IS NULL OR jsonb_typeof(p_job) <> 'object' THEN PERFORM refuse_enqueue('INVALID_OPTION', p_path, 'it is a JSON object'); END IF;
  SELECT k INTO unknown FROM jsonb_object_keys(given) k WHERE k <> ALL(ARRAY['type', 'id', 'request_id', 'queue', 'priority', 'delay',
    'run_at', 'max_attempts', 'timeout', 'backoff', 'metadata', 'notify']) LIMIT 1;
  IF unknown IS NOT NULL THEN PERFORM refuse_enqueue('INVALID_OPTION', p_path || '.' || left(unknown, 60), 'there is no such option'); END IF;
  IF type IS NULL OR length(type) > 512 OR type !~ '^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$' OR jsonb_typeof(given -> 'type') <> 'string' THEN
    PERFORM refuse_enqueue('INVALID_NAME', 'type', 'a job type is the full name of a protobuf message, such as mail.v1.SendEmail');
  END IF;
  IF queue !~ '^[a-z0-9][a-z0-9._-]{0,99}$' OR jsonb_typeof(given -> 'queue') <> 'string' THEN
    PERFORM refuse_enqueue('INVALID_NAME', p_path || '.queue',
      'a queue name is 1 to 100 of a-z, 0-9, ''.'', ''_'', ''-'', and starts with a letter or digit');
  END IF;
  IF p_payload IS NULL THEN PERFORM refuse_enqueue('PAYLOAD_INVALID', 'payload', 'a job needs a payload: the encoded message, which may be empty'); END IF;
  IF octet_length(p_payload) > 1048576 THEN
    PERFORM refuse_enqueue('PAYLOAD_TOO_LARGE', 'payload', format('it has %s bytes, at most 1048576 are taken', octet_length(p_payload)));
  END IF;
  IF given ? 'delay' AND given ? 'run_at' THEN
    PERFORM refuse_enqueue('INVALID_OPTION', p_path || '.delay', 'give delay or run_at, not both');
  END IF;
  IF given ? 'notify' AND jsonb_typeof(given -> 'notify') <> 'boolean' THEN
    PERFORM refuse_enqueue('INVALID_OPTION', p_path || '.notify', 'it is true or false');
  END IF;
  RETURN jsonb_strip_nulls(jsonb_build_object(
    'type', type, 'queue', queue,
    'id', coalesce(enqueue_name(given -> 'id', p_path || '.id', 'a job id'), uuid_v7(p_now)),
    'rq', enqueue_name(given -> 'request_id', p_path || '.request_id', 'a request id'),
    'g', CASE WHEN type = 'conveyor.v1.Group' THEN true END,
    'p', -enqueue_integer(given -> 'priority', p_path || '.priority', -2147483648, 2147483647),
    'a', enqueue_time(given -> 'run_at', p_path || '.run_at', p_now),
    'd', enqueue_span(given -> 'delay', p_path || '.delay', 0, 315360000000),
    'ma', enqueue_integer(given -> 'max_attempts', p_path || '.max_attempts', 1, 10000),
    'to', enqueue_span(given -> 'timeout', p_path || '.timeout', 1, 2592000000),
    'bo', enqueue_backoff(given -> 'backoff', p_path || '.backoff')::text,
    'm', enqueue_metadata(p_job -> 'metadata', p_path || '.metadata'),
    'sc', 1, 'pr', 2, 'z', octet_length(p_payload)));
END $$;

CREATE OR REPLACE FUNCTION refuse_enqueue(p_code text, p_path text, p_problem text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%: %: %', p_code, p_path, p_problem
  USING ERRCODE = CASE WHEN p_code IN ('JOB_ID_EXISTS', 'REQUEST_ID_REUSED') THEN '23505' ELSE '22023' END;
END $$;

-- A UUID of version 7 (RFC 9562): the time in ms, then randomness.
CREATE OR REPLACE FUNCTION uuid_v7(p_now bigint) RETURNS text LANGUAGE sql VOLATILE AS $$
  SELECT format('%s-%s-7%s-%s-%s', substr(t.hex, 1, 8), substr(t.hex, 9, 4), substr(r.hex, 14, 3), substr(r.hex, 17, 4), substr(r.hex, 21, 12))
  FROM (SELECT lpad(to_hex(p_now), 12, '0') AS hex) t, (SELECT replace(gen_random_uuid()::text, '-', '') AS hex) r
$$;

CREATE OR REPLACE FUNCTION enqueue_name(p_value jsonb, p_path text, p_what text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF p_value IS NULL THEN RETURN NULL; END IF;
  IF jsonb_typeof(p_value) = 'string' AND p_value #>> '{}' ~ '^[\x20-\x7e]{1,128}$' THEN RETURN p_value #>> '{}'; END IF;
  PERFORM refuse_enqueue('INVALID_NAME', p_path, p_what || ' is 1 to 128 printable ASCII characters');
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION enqueue_integer(p_value jsonb, p_path text, p_min bigint, p_max bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  number numeric;
BEGIN
  IF p_value IS NULL THEN RETURN NULL; END IF;
  IF jsonb_typeof(p_value) = 'number' THEN number := p_value::numeric; END IF;
  IF number = trunc(number) AND number BETWEEN p_min AND p_max THEN RETURN number; END IF;
  PERFORM refuse_enqueue('INVALID_OPTION', p_path, format('it is a whole number from %s to %s', p_min, p_max));
  RETURN NULL;
END $$;

-- A span in ms, parts of one rounded up.
CREATE OR REPLACE FUNCTION enqueue_span(p_value jsonb, p_path text, p_min bigint, p_max bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  text text := p_value #>> '{}';
  ms numeric;
BEGIN
  IF p_value IS NULL THEN RETURN NULL; END IF;
  IF jsonb_typeof(p_value) = 'number' THEN
    ms := p_value::numeric;
  ELSIF jsonb_typeof(p_value) = 'string' AND text ~ '^(\d{1,15}(\.\d{1,15})?(ms|[smhd]))+$' THEN
    SELECT sum(part[1]::numeric * CASE part[3] WHEN 'ms' THEN 1 WHEN 's' THEN 1000 WHEN 'm' THEN 60000 WHEN 'h' THEN 3600000 ELSE 86400000 END)
    INTO ms FROM regexp_matches(text, '(\d+(\.\d+)?)(ms|[smhd])', 'g') AS part;
  END IF;
  IF ceil(ms) BETWEEN p_min AND p_max THEN RETURN ceil(ms); END IF;
  PERFORM refuse_enqueue('INVALID_OPTION', p_path, format('a span is %s to %s milliseconds, or text such as "250ms", "5m" or "1h30m"', p_min, p_max));
  RETURN NULL;
END $$;

-- Ms since the epoch, parts of one rounded up; at most ten years ahead.
CREATE OR REPLACE FUNCTION enqueue_time(p_value jsonb, p_path text, p_now bigint) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
  text text := p_value #>> '{}';
  ms numeric;
BEGIN
  IF p_value IS NULL THEN RETURN NULL; END IF;
  IF jsonb_typeof(p_value) = 'number' THEN
    ms := ceil(p_value::numeric);
  ELSIF jsonb_typeof(p_value) = 'string' AND text ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)$' THEN
    BEGIN
      ms := ceil(extract(epoch FROM text::timestamptz)::numeric * 1000);
    EXCEPTION WHEN data_exception THEN
      ms := NULL;
    END;
  END IF;
  IF ms IS NULL THEN
    PERFORM refuse_enqueue('INVALID_OPTION', p_path, 'it is a time such as "2030-01-31T12:00:00Z", or milliseconds since the epoch');
  END IF;
  IF ms NOT BETWEEN -62135596800000 AND p_now + 315360000000 THEN
    PERFORM refuse_enqueue('INVALID_OPTION', p_path, 'it lies more than ten years ahead, or before the year 1');
  END IF;
  RETURN ms;
END $$;

-- A policy, whole: what it leaves out has its default.
CREATE OR REPLACE FUNCTION enqueue_backoff(p_value jsonb, p_path text) RETURNS json LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  unknown text;
  kind text := upper(coalesce(p_value ->> 'kind', 'EXPONENTIAL'));
  initial bigint;
  most bigint;
  multiplier numeric;
  jitter numeric;
BEGIN
  IF p_value IS NULL THEN RETURN NULL; END IF;
  IF jsonb_typeof(p_value) <> 'object' THEN
    PERFORM refuse_enqueue('INVALID_OPTION', p_path, 'it is an object of kind, initial, max, multiplier and jitter');
  END IF;
  SELECT k INTO unknown FROM jsonb_object_keys(p_value) k WHERE k <> ALL(ARRAY['kind', 'initial', 'max', 'multiplier', 'jitter']) LIMIT 1;
  IF unknown IS NOT NULL THEN PERFORM refuse_enqueue('INVALID_OPTION', p_path || '.' || left(unknown, 60), 'there is no such option'); END IF;
  IF kind NOT IN ('EXPONENTIAL', 'LINEAR', 'FIXED') THEN
    PERFORM refuse_enqueue('INVALID_OPTION', p_path || '.kind', 'it is EXPONENTIAL, LINEAR or FIXED');
  END IF;
  initial := coalesce(enqueue_span(p_value -> 'initial', p_path || '.initial', 0, 31536000000), 1000);
  most := coalesce(enqueue_span(p_value -> 'max', p_path || '.max', 0, 31536000000), 600000);
  IF most < initial THEN PERFORM refuse_enqueue('INVALID_OPTION', p_path || '.max', format('it is %s ms, less than initial, %s ms', most, initial)); END IF;
  multiplier := enqueue_number(p_value -> 'multiplier', p_path || '.multiplier', 2, 1, 1000);
  jitter := enqueue_number(p_value -> 'jitter', p_path || '.jitter', 1, 0, 1);
  RETURN json_build_object('kind', kind, 'initialMs', initial, 'maxMs', most, 'multiplier', multiplier, 'jitter', jitter);
END $$;

CREATE OR REPLACE FUNCTION enqueue_number(p_value jsonb, p_path text, p_unset numeric, p_min numeric, p_max numeric) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF p_value IS NULL THEN RETURN p_unset; END IF;
  IF jsonb_typeof(p_value) = 'number' AND p_value::numeric BETWEEN p_min AND p_max THEN RETURN p_value::numeric; END IF;
  PERFORM refuse_enqueue('INVALID_OPTION', p_path, format('it must be %s to %s', p_min, p_max));
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION enqueue_metadata(p_value jsonb, p_path text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  problem text;
BEGIN
  IF p_value IS NULL OR p_value IN ('null', '{}') THEN RETURN NULL; END IF;
  IF jsonb_typeof(p_value) <> 'object' THEN
    problem := 'it is an object of text';
  ELSE
    SELECT CASE
      WHEN count(*) > 32 THEN format('it has %s entries, at most 32 are taken', count(*))
      WHEN bool_or(jsonb_typeof(e.value) <> 'string') THEN 'its values are text'
      WHEN bool_or(e.key !~ '^[\x20-\x7e]{1,128}$') THEN 'a metadata key is 1 to 128 printable ASCII characters'
      WHEN sum(octet_length(e.key) + octet_length(e.value #>> '{}')) > 4096 THEN 'at most 4096 bytes are taken'
    END INTO problem FROM jsonb_each(p_value) e;
  END IF;
  IF problem IS NOT NULL THEN PERFORM refuse_enqueue('INVALID_OPTION', p_path, problem); END IF;
  RETURN p_value::text;
END $$;
