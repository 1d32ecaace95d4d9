/** Spans in ms; tests shorten them. */
export interface BrokerIntervals {
  /** How often workers send Heartbeat and the broker sends Ping. */
  readonly heartbeatMs: number;
  /** Silence of this length ends a stream. */
  readonly watchdogMs: number;
  /** How long a session lives without a heartbeat. */
  readonly sessionTtlMs: number;
  /** How long a session whose stream was reset can be resumed. */
  readonly resumeGraceMs: number;
  readonly helloMs: number;
  /** Health turns well again after writes worked for this long without one that failed. */
  readonly calmMs: number;
  /** From the push of a cancel until the broker takes the lease. */
  readonly cancelGraceMs: number;
  /** From a time-out, which the worker enforces, until the broker takes the lease. */
  readonly timeoutGraceMs: number;
  /** A lease that has not started goes back after this. */
  readonly bufferedMsMax: number;
  /** How often a stream looks at its leases and its silence. */
  readonly tickMs: number;
  /** How often every lane, wait and due-mark is looked at although nothing hinted at it. */
  readonly pollMs: number;
  /** How often is looked for chains whose retention is over. */
  readonly pruneMs: number;
  /** When a job that someone waits for is looked at first although nothing hinted at its end; later less often, down to a twentieth. */
  readonly lookMs: number;
  /** How long a stop lets workers go on with their streams, so that they can move to another broker or end what they hold. */
  readonly drainMs: number;
  /** How often a watcher is told its place although nothing changed. */
  readonly bookmarkMs: number;
  /** A watcher that takes nothing for so long although something waits is dropped. */
  readonly slowWatcherMs: number;
  /** How long a stop waits for calls that are still open. */
  readonly stopMs: number;
}

export const defaultIntervals: BrokerIntervals = {
  heartbeatMs: 5_000,
  watchdogMs: 12_000,
  sessionTtlMs: 30_000,
  resumeGraceMs: 5_000,
  helloMs: 10_000,
  calmMs: 10_000,
  cancelGraceMs: 10_000,
  timeoutGraceMs: 10_000,
  bufferedMsMax: 300_000,
  tickMs: 500,
  pollMs: 1_000,
  pruneMs: 60_000,
  lookMs: 50,
  bookmarkMs: 15_000,
  slowWatcherMs: 30_000,
  drainMs: 3_000,
  stopMs: 5_000,
};
