import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** A beat is written this often by the owner; a waiter that sees none for `silenceMs` takes the lock over. */
const beatMs = 2_000;
const silenceMs = 30_000;
const lookMs = 200;

/** @typedef {{ token: string, pid: number, host: string, beat: number }} Owner */

/**
 * Runs `work` while holding the lock directory `directory`, waiting for as long as a living owner holds it.
 * An owner is gone when its process is (same host), or when its beat has stood still for half a minute.
 * @template T
 * @param {string} directory
 * @param {{ onWait?: (owner: Owner | undefined) => void }} options
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withInstallLock(directory, { onWait }, work) {
  const owner = { token: randomUUID(), pid: process.pid, host: hostname(), beat: 0 };
  await acquire(directory, owner, onWait);
  const beating = setInterval(() => {
    owner.beat++;
    if (readOwner(directory)?.token === owner.token) writeOwner(directory, owner);
  }, beatMs);
  try {
    return await work();
  } finally {
    clearInterval(beating);
    if (readOwner(directory)?.token === owner.token) rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * @param {string} directory
 * @param {Owner} owner
 * @param {((owner: Owner | undefined) => void) | undefined} onWait
 */
async function acquire(directory, owner, onWait) {
  mkdirSync(path.dirname(directory), { recursive: true });
  let told = false;
  let seen = "";
  let seenAt = performance.now();
  for (;;) {
    if (take(directory, owner)) return;
    const holder = readOwner(directory);
    const now = JSON.stringify(holder ?? null);
    // Judged by what this waiter itself has seen, so that neither a clock change nor a suspended machine looks stale.
    if (now !== seen) {
      seen = now;
      seenAt = performance.now();
    }
    if ((holder && isGone(holder)) || performance.now() - seenAt > silenceMs) {
      evict(directory, holder);
      continue;
    }
    if (!told) onWait?.(holder);
    told = true;
    await pause(lookMs);
  }
}

/**
 * Only one process can create a directory: that is the lock.
 * @param {string} directory
 * @param {Owner} owner
 */
function take(directory, owner) {
  try {
    mkdirSync(directory);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
  writeOwner(directory, owner);
  return true;
}

/**
 * Moves a stale lock aside. Two waiters may judge the same lock: the one that moves a newer lock by mistake puts it back.
 * @param {string} directory
 * @param {Owner | undefined} stale
 */
function evict(directory, stale) {
  const aside = `${directory}.${randomUUID()}`;
  try {
    renameSync(directory, aside);
  } catch {
    return;
  }
  const moved = readOwner(aside);
  if (moved?.token === stale?.token) rmSync(aside, { recursive: true, force: true });
  else renameSync(aside, directory);
}

/**
 * @param {Owner} owner
 */
function isGone(owner) {
  if (owner.host !== hostname()) return false;
  try {
    process.kill(owner.pid, 0);
    return false;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ESRCH";
  }
}

/**
 * @param {string} directory
 * @returns {Owner | undefined}
 */
function readOwner(directory) {
  try {
    return JSON.parse(readFileSync(path.join(directory, "owner.json"), "utf8"));
  } catch {
    return undefined;
  }
}

/**
 * @param {string} directory
 * @param {Owner} owner
 */
function writeOwner(directory, owner) {
  writeFileSync(path.join(directory, "owner.json"), JSON.stringify(owner));
}
