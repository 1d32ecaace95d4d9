-- Changes of one job. The caller has locked the job's row; nothing here waits.

-- Writes `next` over `was`, with all that follows from a move: the rows of ready, due and leased, times, a cascade that is over.
-- Times of its end are set here; the version rises.
CREATE OR REPLACE FUNCTION save_job(p_now bigint, was job, next job) RETURNS event LANGUAGE plpgsql AS $$
DECLARE
  ran boolean := next.run <> was.run;
  done boolean := next.state >= 7 AND was.state < 7;
BEGIN
  UPDATE job SET
    version = version + 1, updated_at = p_now, state = next.state, hold = next.hold, run_at = next.run_at,
    failure_count = next.failure_count, crash_count = next.crash_count, snooze_count = next.snooze_count,
    release_count = next.release_count, sent = next.sent, recorded = next.recorded, problem = next.problem,
    run = next.run, ran_at = CASE WHEN ran THEN p_now ELSE ran_at END,
    finished_at = CASE WHEN done THEN p_now ELSE finished_at END,
    cancel = next.cancel, cancel_heirs = next.cancel_heirs AND next.state < 7, reason = next.reason,
    edge_flipped = next.edge_flipped, propagate_due = next.propagate_due,
    below = next.below, staged = next.staged, fingerprint = next.fingerprint, result_of = next.result_of
  WHERE seq = next.seq;
  IF next.state <> was.state THEN
    IF was.state = 2 THEN
      DELETE FROM ready r
      WHERE r.lane = was.lane AND r.neg_priority = was.neg_priority AND r.run_at = was.run_at AND r.seq = was.seq;
    ELSIF was.state IN (1, 4) THEN
      DELETE FROM due d WHERE d.run_at = was.run_at AND d.seq = was.seq;
    ELSIF was.state = 3 THEN
      DELETE FROM leased l WHERE l.session = was.session AND l.seq = was.seq;
    END IF;
    IF next.state = 2 THEN
      INSERT INTO ready VALUES (next.lane, next.neg_priority, next.run_at, next.seq, next.payload_bytes);
    ELSIF next.state IN (1, 4) THEN
      INSERT INTO due VALUES (next.run_at, next.seq);
    END IF;
    IF done AND next.below THEN DELETE FROM cascade c WHERE c.seq = next.seq; END IF;
    IF done AND next.parent IS NULL THEN INSERT INTO ended VALUES (next.lane, next.state, p_now, ARRAY[next.seq]); END IF;
  END IF;
  RETURN ROW(next.seq, next.lane, was.state, next.state, 1, ran OR done,
    CASE WHEN next.state IN (1, 4) AND next.state <> was.state THEN next.run_at END, 0, NULL)::event;
END $$;

-- Writes `next` over the terminal job `was`: its end is taken back, and it stands in a new epoch. What its run, state and run time
-- are now is in `next`. `p_fresh`: its budgets and what its run left behind are cleared too.
CREATE OR REPLACE FUNCTION reopen_job(p_now bigint, was job, next job, p_fresh boolean) RETURNS event LANGUAGE plpgsql AS $$
BEGIN
  -- A success is told by the job's row, whose epoch is another from now on.
  IF was.recorded = 1 AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.seq = was.seq AND a.number = was.attempt) THEN
    PERFORM record_attempt(was.ran_at, was, 1::smallint, NULL);
  END IF;
  UPDATE job SET
    version = version + 1, updated_at = p_now, epoch = epoch + 1, state = next.state, hold = next.hold, run_at = next.run_at,
    run = next.run, ran_at = next.ran_at, finished_at = NULL, cancel = 0, cancel_heirs = false, reason = 0,
    edge_flipped = false, propagate_due = false, result_of = NULL,
    failure_count = CASE WHEN p_fresh THEN 0 ELSE failure_count END, crash_count = CASE WHEN p_fresh THEN 0 ELSE crash_count END,
    snooze_count = CASE WHEN p_fresh THEN 0 ELSE snooze_count END, fingerprint = CASE WHEN p_fresh THEN NULL ELSE fingerprint END
  WHERE seq = next.seq;
  IF next.state = 2 THEN
    INSERT INTO ready VALUES (next.lane, next.neg_priority, next.run_at, next.seq, next.payload_bytes);
  ELSIF next.state = 1 THEN
    INSERT INTO due VALUES (next.run_at, next.seq);
  END IF;
  RETURN ROW(next.seq, next.lane, was.state, next.state, 1, false, CASE WHEN next.state = 1 THEN next.run_at END, 0, NULL)::event;
END $$;

-- Puts the newest attempt of a running job into history, and forgets those between the first 20 and the last 20.
CREATE OR REPLACE FUNCTION record_attempt(p_now bigint, self job, p_outcome smallint, p_error text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO attempt (seq, number, outcome, session, claimed_at, ended_at, epoch, error)
  VALUES (self.seq, self.attempt, p_outcome, self.session, self.claimed_at, p_now, self.epoch, p_error)
  ON CONFLICT (seq, number) DO UPDATE SET
    outcome = excluded.outcome, session = excluded.session, claimed_at = excluded.claimed_at,
    ended_at = excluded.ended_at, epoch = excluded.epoch, error = excluded.error;
  IF self.attempt > 40 THEN
    DELETE FROM attempt a WHERE a.seq = self.seq AND a.number > 20 AND a.number <= self.attempt - 20;
  END IF;
END $$;

-- The wait in ms before the attempt that follows failure number `failures`; as backoffMs in src/core/backoff.ts.
CREATE OR REPLACE FUNCTION backoff_ms(
  policy jsonb, failures integer, random double precision, asked double precision
) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  initial double precision := policy ->> 'initialMs';
  most double precision := policy ->> 'maxMs';
  multiplier double precision := policy ->> 'multiplier';
  steps integer := greatest(1, failures) - 1;
  grown double precision;
BEGIN
  IF asked > 0 AND asked <= 31536000000 THEN RETURN greatest(1, floor(asked + 0.5)::bigint); END IF;
  grown := CASE policy ->> 'kind'
    WHEN 'LINEAR' THEN initial * (steps + 1)
    WHEN 'FIXED' THEN initial
    ELSE CASE
      WHEN initial = 0 OR (multiplier = 0 AND steps > 0) THEN 0
      WHEN steps = 0 THEN initial
      -- power() refuses to overflow or underflow; long before that the wait is at its most, or nothing.
      WHEN steps * ln(multiplier) > 600 THEN most
      WHEN steps * ln(multiplier) < -600 THEN 0
      ELSE initial * power(multiplier, steps)
    END
  END;
  RETURN greatest(1, floor(least(most, grown) * (1 - (policy ->> 'jitter')::double precision * random) + 0.5)::bigint);
END $$;

-- FNV-1a, 64 bit, of a job's type and the rest of the text that errorFingerprint in src/core/fingerprint.ts hashes; `rest` is that
-- text's UTF-16 code units, the higher byte first. The product is kept in two halves, since bigint does not wrap around.
CREATE OR REPLACE FUNCTION fingerprint_of(type text, rest bytea) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  hi bigint := 3421674724;
  lo bigint := 2216829733;
  product bigint;
  units bytea := rest;
BEGIN
  FOR at IN 1..length(type) + length(units) / 2 LOOP
    IF at <= length(type) THEN
      lo := lo # ascii(substr(type, at, 1));
    ELSE
      product := 2 * (at - length(type) - 1);
      lo := lo # (get_byte(units, product::integer) * 256 + get_byte(units, product::integer + 1));
    END IF;
    product := lo * 435;
    hi := (hi * 435 + (product >> 32) + (lo << 8)) & 4294967295;
    lo := product & 4294967295;
  END LOOP;
  RETURN lpad(to_hex(hi), 8, '0') || lpad(to_hex(lo), 8, '0');
END $$;
