import { postgresUrl } from "../../servers/addresses.ts";
import { startFaultProxy } from "../../servers/proxy/fault-proxy.ts";
import { postgresWire } from "../../servers/proxy/postgres-wire.ts";
import { postgresEngine } from "../engines/postgres.ts";
import type { FaultyEngine } from "./fault.ts";
import { faultyEngine } from "./faulty-engine.ts";

/** PostgreSQL behind a proxy that cuts connections. */
export async function faultyPostgres(): Promise<FaultyEngine> {
  const proxy = await startFaultProxy(await postgresUrl(), postgresWire);
  const engine = postgresEngine({ url: async () => proxy.url });
  const disturbed = faultyEngine({ engine, proxy, preparing: [], flush: async () => undefined });
  return { ...disturbed, close: () => proxy.close() };
}
