-- Settings of a queue. Locks its row.

-- Sets what `p_change` names (null inside: cleared), and makes the queue when it is new.
CREATE OR REPLACE FUNCTION update_queue(p_name text, p_change jsonb) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '10s' AS $$
BEGIN
  INSERT INTO queue (name) VALUES (p_name) ON CONFLICT DO NOTHING;
  UPDATE queue SET
    paused = CASE WHEN p_change ? 'paused' THEN coalesce((p_change ->> 'paused')::boolean, false) ELSE paused END,
    max_concurrency = CASE WHEN p_change ? 'maxConcurrency' THEN (p_change ->> 'maxConcurrency')::integer ELSE max_concurrency END,
    max_attempts = CASE WHEN p_change ? 'maxAttempts' THEN (p_change ->> 'maxAttempts')::integer ELSE max_attempts END,
    backoff = CASE WHEN p_change ? 'backoff' THEN p_change ->> 'backoff' ELSE backoff END,
    timeout_ms = CASE WHEN p_change ? 'timeoutMs' THEN (p_change ->> 'timeoutMs')::bigint ELSE timeout_ms END,
    crash_limit = CASE WHEN p_change ? 'crashLimit' THEN (p_change ->> 'crashLimit')::integer ELSE crash_limit END,
    completed_retention_ms = CASE WHEN p_change ? 'completedRetentionMs' THEN (p_change ->> 'completedRetentionMs')::bigint
      ELSE completed_retention_ms END,
    cancelled_retention_ms = CASE WHEN p_change ? 'cancelledRetentionMs' THEN (p_change ->> 'cancelledRetentionMs')::bigint
      ELSE cancelled_retention_ms END,
    dead_retention_ms = CASE WHEN p_change ? 'deadRetentionMs' THEN (p_change ->> 'deadRetentionMs')::bigint ELSE dead_retention_ms END
  WHERE name = p_name;
END $$;
