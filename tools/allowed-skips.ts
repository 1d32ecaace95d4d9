export interface SkippedTest {
  readonly name: string;
  readonly reason: string;
}

/** What a kind of store cannot do by its nature: a skipped test begins its reason with one of these. */
const allowedReasons: readonly string[] = [
  "several brokers on SQLite",
  "transactional SQL enqueue off PostgreSQL",
  "shard-wide order on several shards",
];

/** One sentence for each test that was skipped for another reason, or for none. */
export function skipProblems(skipped: readonly SkippedTest[]): string[] {
  return skipped
    .filter(({ reason }) => !allowedReasons.some((allowed) => reason.startsWith(allowed)))
    .map(({ name, reason }) => `skipped without leave: ${name} (${reason})`);
}
