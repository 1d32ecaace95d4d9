import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { deskVariable } from "./desk.ts";

/** Of the PostgreSQL server of this test run: `CONVEYOR_TEST_POSTGRES_URL`, else one that `npm test` starts now. */
export async function postgresUrl(): Promise<string> {
  return process.env.CONVEYOR_TEST_POSTGRES_URL ?? (await askDesk("postgres"));
}

/** Of the Redis server of this test run: `CONVEYOR_TEST_REDIS_URL`, else one that `npm test` starts now. */
export async function redisUrl(): Promise<string> {
  return process.env.CONVEYOR_TEST_REDIS_URL ?? (await askDesk("redis"));
}

/** Nodes of the Redis Cluster of this test run, `host:port,host:port,…`: `CONVEYOR_TEST_REDIS_CLUSTER`, else one that `npm test` starts now. */
export async function redisClusterNodes(): Promise<string> {
  return process.env.CONVEYOR_TEST_REDIS_CLUSTER ?? (await askDesk("redis-cluster"));
}

async function askDesk(server: string): Promise<string> {
  const desk = process.env[deskVariable];
  if (desk === undefined) {
    throw new Error(
      `this test needs a server (${server}) that "npm test" starts: run "npm test -- <this file>", or set ` +
        "CONVEYOR_TEST_POSTGRES_URL, CONVEYOR_TEST_REDIS_URL or CONVEYOR_TEST_REDIS_CLUSTER",
    );
  }
  const socket = connect({ path: desk, allowHalfOpen: true });
  socket.end(server);
  const answer = JSON.parse(await text(socket)) as { readonly address?: string; readonly error?: string }; // as the desk makes it
  if (answer.address === undefined) throw new Error(answer.error);
  return answer.address;
}
