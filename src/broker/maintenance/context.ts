import type { Ids } from "../../runtime/ids.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { Effects } from "../../store/effects.ts";
import type { Store } from "../../store/store.ts";
import type { BrokerIntervals } from "../options.ts";

/** What every loop works with. */
export interface MaintenanceContext {
  readonly store: Store;
  readonly onEffects: (effects: Effects) => void;
  readonly intervals: BrokerIntervals;
  readonly ids: Ids;
  readonly logger: Logger;
}
