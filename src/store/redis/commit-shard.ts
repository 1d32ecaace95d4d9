import type {
  ClaimAnswer,
  ClaimItem,
  InsertAnswer,
  InsertItem,
  RenewAnswer,
  SettleAnswer,
  SettleItem,
} from "../commit.ts";
import type { Effects } from "../effects.ts";
import { type Writing, write } from "./calls.ts";
import { type ClaimSoFar, leaseContext, packClaim, readLeases } from "./claim.ts";
import { readEffects } from "./effects.ts";
import { packInserts, readInserted } from "./insert.ts";
import { LaneTable } from "./lane-table.ts";
import { listOf, type Packable, type Unpacked } from "./msgpack.ts";
import { packRenew, type RenewPart, readRenewed } from "./renew.ts";
import { completedBy, packJitters, packSettles, readSettled } from "./settle.ts";
import type { LeasePlace } from "./shards.ts";

/** What of a commit concerns one shard. */
export interface ShardBatch {
  readonly renew: readonly RenewPart[];
  readonly settle: readonly { readonly item: SettleItem; readonly place: LeasePlace }[];
  readonly insert: readonly InsertItem[];
  readonly claim: readonly { readonly item: ClaimItem; readonly soFar: ClaimSoFar }[];
}

/** Answers at the index of their item in the shard's batch. */
export interface ShardAnswer {
  readonly renewed: readonly RenewAnswer[];
  readonly settled: readonly SettleAnswer[];
  readonly inserted: readonly InsertAnswer[];
  readonly claimed: readonly ClaimAnswer[];
  readonly effects: Effects;
}

/** Commits on one shard: one run of one script. */
export async function commitShard(writing: Writing, shard: number, batch: ShardBatch): Promise<ShardAnswer> {
  const answer = await write(writing, {
    script: "commit",
    shard,
    request: packBatch(writing, batch),
    again: () => packBatch(writing, { ...batch, claim: batch.claim.map(askAgain) }),
  });
  const [renewed, settled, inserted, claimed, effects, lanes, settings] = listOf(answer);
  const context = leaseContext({ shard, defaults: writing.defaults }, lanes, settings);
  return {
    renewed: listOf(renewed).map((each) => readRenewed(shard, each)),
    settled: listOf(settled).map(readSettled),
    inserted: batch.insert.map((item, index) => readInserted(item, listOf(inserted)[index])),
    claimed: listOf(claimed).map((each): ClaimAnswer => {
      return each === false ? { kind: "gone" } : { kind: "claimed", leases: readLeases(context, listOf(each)) };
    }),
    effects: withCompleted(readEffects(shard, effects), listOf(settled)),
  };
}

function askAgain({ item, soFar }: ShardBatch["claim"][number]): ShardBatch["claim"][number] {
  return { item: { ...item, again: true }, soFar };
}

function packBatch({ tries }: Writing, { renew, settle, insert, claim }: ShardBatch): Packable {
  const lanes = new LaneTable();
  const items = [
    renew.map(packRenew),
    packSettles(settle, lanes),
    packInserts(insert, lanes),
    claim.map(({ item, soFar }) => packClaim(item, lanes, { soFar, tries })),
  ];
  return [lanes.names, ...items, packJitters(settle)];
}

/** Successes that their answer tells of stand in no other place. */
function withCompleted(effects: Effects, settled: readonly Unpacked[]): Effects {
  const ids = settled.map(completedBy).filter((id) => id !== undefined);
  if (ids.length === 0) return effects;
  return { ...effects, ended: [...effects.ended, ...ids.map((id) => ({ id, state: "COMPLETED" as const }))] };
}
