import { cascadeCases } from "./cascades.ts";
import type { Case } from "./case.ts";
import { chainCases } from "./chains.ts";
import { claimCases } from "./claim.ts";
import { durabilityCases } from "./durability.ts";
import { groupCases } from "./groups.ts";
import { insertCases } from "./insert.ts";
import { leaseCases } from "./leases.ts";
import { outcomeCases } from "./outcomes.ts";
import { queueCases } from "./queues.ts";
import { readCases } from "./reads.ts";

/** The suite: every case that every store has to pass. */
export const allCases: readonly Case[] = [
  ...insertCases,
  ...claimCases,
  ...leaseCases,
  ...outcomeCases,
  ...chainCases,
  ...cascadeCases,
  ...groupCases,
  ...queueCases,
  ...readCases,
  ...durabilityCases,
];
