import type { Client } from "./client.ts";
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

/** Takes the namespace, or makes it when it is new; answers its number of shards, which never changes. */
export async function openNamespace(client: Client, scripts: Scripts, settings: RedisSettings): Promise<number> {
  const { namespace, location, shards: asked } = settings;
  const fresh = settings.isCluster ? clusterShards : standaloneShards;
  const args = [String(layoutVersion), asked === undefined ? "" : String(asked), String(fresh)];
  const reply = await scripts
    .run(client, "namespace", `{${namespaceTag(namespace)}}:meta`, args)
    .catch((error: unknown) => {
      throw storageError(error, location);
    });
  const [layout, shards] = Array.isArray(reply) ? reply.map((each) => Number(textOf(each))) : [];
  if (layout === undefined || shards === undefined) {
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
  return shards;
}
