import { everyStatementWasCut } from "./model/cut-coverage.ts";
import { proveModel } from "./model/prove.ts";

// Fewer sequences than SQLite plays, of the same kind: what they have to meet is less, too.
proveModel({
  stage: "postgres",
  sequences: 300,
  rowCountMin: 5,
  evaluatedMin: 15,
  heirsMin: 15,
  more: everyStatementWasCut,
});
