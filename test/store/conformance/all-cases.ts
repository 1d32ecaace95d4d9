import { barrierCases } from "./barrier.ts";
import { cancelChainCases } from "./cancel-chains.ts";
import { cancelRequestCases } from "./cancel-requests.ts";
import { cancelCases } from "./cancels.ts";
import { cascadeCases } from "./cascades.ts";
import type { Case } from "./case.ts";
import { chainViewCases } from "./chain-view.ts";
import { childResultCases } from "./child-results.ts";
import { claimCases } from "./claim.ts";
import { declarationCases } from "./declarations.ts";
import { durabilityCases } from "./durability.ts";
import { expansionCases } from "./expansion.ts";
import { failFastCases } from "./fail-fast.ts";
import { failureCases } from "./failures.ts";
import { filterCases } from "./filters.ts";
import { groupCases } from "./groups.ts";
import { insertCases } from "./insert.ts";
import { leasePrincipalCases } from "./lease-principals.ts";
import { leaseCases } from "./leases.ts";
import { listCases } from "./lists.ts";
import { nameCases } from "./names.ts";
import { nestingCases } from "./nesting.ts";
import { outcomeCases } from "./outcomes.ts";
import { policyCases } from "./policies.ts";
import { progressCases } from "./progress.ts";
import { queueCases } from "./queues.ts";
import { reapCases } from "./reap.ts";
import { repeatCases } from "./repeats.ts";
import { resultCases } from "./results.ts";
import { retentionCases } from "./retention.ts";
import { retryCases } from "./retries.ts";
import { retryRequestCases } from "./retry-requests.ts";
import { revivalCases } from "./revival.ts";
import { revivalChainCases } from "./revival-chains.ts";
import { sessionCases } from "./sessions.ts";
import { stagingCases } from "./staging.ts";
import { twoBrokerClaimCases } from "./two-brokers-claims.ts";
import { twoBrokerInsertCases } from "./two-brokers-inserts.ts";
import { twoBrokerOutcomeCases } from "./two-brokers-outcomes.ts";
import { twoBrokerUpkeepCases } from "./two-brokers-upkeep.ts";

/** The suite: every case that every store has to pass. */
export const allCases: readonly Case[] = [
  ...insertCases,
  ...claimCases,
  ...repeatCases,
  ...leaseCases,
  ...leasePrincipalCases,
  ...sessionCases,
  ...reapCases,
  ...outcomeCases,
  ...retryCases,
  ...failureCases,
  ...declarationCases,
  ...barrierCases,
  ...nestingCases,
  ...resultCases,
  ...policyCases,
  ...failFastCases,
  ...cascadeCases,
  ...cancelCases,
  ...cancelRequestCases,
  ...cancelChainCases,
  ...retryRequestCases,
  ...revivalCases,
  ...revivalChainCases,
  ...stagingCases,
  ...expansionCases,
  ...progressCases,
  ...retentionCases,
  ...filterCases,
  ...groupCases,
  ...queueCases,
  ...listCases,
  ...childResultCases,
  ...chainViewCases,
  ...nameCases,
  ...twoBrokerClaimCases,
  ...twoBrokerOutcomeCases,
  ...twoBrokerUpkeepCases,
  ...twoBrokerInsertCases,
  ...durabilityCases,
];
