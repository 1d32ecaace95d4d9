import type { Lease } from "../../store/commit.ts";
import { settleUntilDurable } from "../sessions/settler.ts";
import type { UnaryContext } from "./unary-context.ts";

/** Gives back leases that nobody has seen. */
export async function releaseLeases(leases: readonly Pick<Lease, "leaseId">[], context: UnaryContext): Promise<void> {
  const { committer, logger, signal, ids } = context;
  await Promise.all(
    leases.map(({ leaseId }) => {
      const item = { leaseId, outcome: { kind: "release" }, sent: "release", jitter: ids.random() } as const;
      return settleUntilDurable(item, { committer, logger, signal });
    }),
  );
}
