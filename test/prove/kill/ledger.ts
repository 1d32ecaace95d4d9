import { fdatasyncSync, openSync, readFileSync, writeSync } from "node:fs";
import type { PlannedRoot } from "./script.ts";

/**
 * What producers and handlers write down for themselves, each process in a file of its own: one JSON line an event, on the disk
 * before the process goes on. Times in ms since the epoch.
 */
export type LedgerLine = Intent | Acknowledgement | Start | End | Refusal | Connection;

/** A producer is about to enqueue this. */
export interface Intent {
  readonly what: "intent";
  readonly at: number;
  readonly root: PlannedRoot;
}

/** The broker said that the root with this key is durable. */
export interface Acknowledgement {
  readonly what: "ack";
  readonly at: number;
  readonly key: string;
  readonly jobId: string;
  readonly deduplicated: boolean;
}

/** A handler begins. */
export interface Start {
  readonly what: "start";
  readonly at: number;
  readonly jobId: string;
  readonly attempt: number;
  readonly worker: string;
  readonly heir: boolean;
}

/** A handler is about to return, or saw its abort. */
export interface End {
  readonly what: "end";
  readonly at: number;
  readonly jobId: string;
  readonly attempt: number;
  readonly worker: string;
  /** `lost`: aborted, because its lease is the worker's no longer. */
  readonly how: "success" | "failure" | "snooze" | "discard" | "aborted" | "lost";
}

/** The broker told the worker that the outcome of an attempt does not count. */
export interface Refusal {
  readonly what: "refusal";
  readonly at: number;
  readonly jobId: string;
  readonly attempt: number;
  readonly worker: string;
  readonly code: string;
  readonly text: string;
}

/** What a worker knows of its connection from here on. */
export interface Connection {
  readonly what: "connection";
  readonly at: number;
  readonly worker: string;
  /** `superseded`: the broker says that its session is over, or another's. */
  readonly state: "connecting" | "connected" | "disconnected" | "stopping" | "stopped" | "superseded";
}

export interface Ledger {
  /** Returns when the line is on the disk. */
  append(line: LedgerLine): void;
}

export function openLedger(file: string): Ledger {
  const descriptor = openSync(file, "a");
  return {
    append(line) {
      writeSync(descriptor, `${JSON.stringify(line)}\n`);
      fdatasyncSync(descriptor);
    },
  };
}

/** All whole lines of a ledger; what a kill cut off in the middle of a write was never on the disk as far as anyone was told. */
export function readLedger(file: string): readonly LedgerLine[] {
  return parseLines(readFileSync(file, "utf8")).lines;
}

/** The whole lines of a text, and how many characters they take. */
export function parseLines(text: string): { readonly lines: readonly LedgerLine[]; readonly taken: number } {
  const taken = text.lastIndexOf("\n") + 1;
  const lines = text
    .slice(0, taken)
    .split("\n")
    .filter((line) => line !== "");
  return { lines: lines.map((line) => JSON.parse(line) as LedgerLine), taken }; // written by openLedger and nobody else
}
