import type { JobId } from "../../../src/core/names.ts";
import { openStore } from "../../../src/embedded/open-store.ts";
import { checkInvariants } from "../../../src/store/invariants.ts";
import type { Finding } from "./finding.ts";

/** The invariants of the specification on all that the store holds, read without a broker, once everything has ended. */
export async function checkStore(url: string, acknowledged: readonly string[]): Promise<readonly Finding[]> {
  const store = await openStore(url);
  try {
    const { violations } = checkInvariants(await store.dump(), {
      drained: true,
      acknowledged: acknowledged as readonly JobId[],
    });
    return violations.map((text) => ({ kind: "invariant", job: "store", text }));
  } finally {
    await store.close();
  }
}
