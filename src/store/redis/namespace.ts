import { randomUUID } from "node:crypto";
import type { Client } from "./client.ts";
import type { Connection } from "./connection.ts";
import { layoutVersion } from "./keys.ts";
import type { Scripts } from "./scripts.ts";
import { textOf } from "./server-facts.ts";
import { storageError, storeError } from "./storage-error.ts";
import type { RedisSettings } from "./store-url.ts";

/** The hash tag of what a namespace has as one. */
export function namespaceTag(namespace: string): string {
  return namespace;
}

const standaloneShards = 1;
const clusterShards = 16;

interface Namespace {
  /** Never changes. */
  readonly shards: number;
  /** Random; another one when it was emptied and made anew. */
  readonly identity: string;
}

/** Takes the namespace, or makes it when it is new. */
export async function openNamespace(client: Client, scripts: Scripts, settings: RedisSettings): Promise<Namespace> {
  const { namespace, location, shards: asked } = settings;
  const fresh = settings.isCluster ? clusterShards : standaloneShards;
  const args = [String(layoutVersion), asked === undefined ? "" : String(asked), String(fresh), randomUUID()];
  const reply = await scripts
    .run(client, "namespace", `{${namespaceTag(namespace)}}:meta`, args)
    .catch((error: unknown) => {
      throw storageError(error, location);
    });
  const texts = Array.isArray(reply) ? reply.map(textOf) : [];
  const [layout, shards] = texts.slice(0, 2).map(Number);
  const [, , identity] = texts;
  if (layout === undefined || shards === undefined || identity === undefined) {
    const text = `has something of another program under {${namespace}}:meta: choose another namespace with ?namespace=`;
    throw storeError("STORE_CORRUPT", location, text);
  }
  if (layout > layoutVersion) {
    const text = `was written by a newer Conveyor (layout ${layout}, this one knows ${layoutVersion}): update this one`;
    throw storeError("STORE_TOO_NEW", location, text);
  }
  if (asked !== undefined && asked !== shards) {
    const text = `has ${shards} shards since it was made, and cannot have ${asked}: leave shards= out, or take a new namespace`;
    throw storeError("INVALID_OPTION", location, text);
  }
  return { shards, identity };
}

/** Marks the shards as its own, so that scripts find out when they were emptied. */
export async function adoptShards(connection: Connection): Promise<void> {
  const shards = Array.from({ length: connection.shards }, (_, shard) => shard);
  await Promise.all(shards.map((shard) => connection.run({ script: "adopt", shard, args: [connection.identity] })));
}
