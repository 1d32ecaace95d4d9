import type { SessionRef } from "../../../src/store/session.ts";
import { job } from "../jobs.ts";
import type { World } from "./world.ts";

/** A session of the usual time to live that holds these freshly inserted jobs. */
export async function holder(world: World, ...ids: readonly string[]): Promise<SessionRef> {
  const session = await world.openSession();
  await world.insert(...ids.map((id) => job(id)));
  await world.claim({ session });
  return session;
}
