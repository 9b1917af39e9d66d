/**
 * The checker: what a job promises, proved or refuted by reading its topics with
 * clients that are not ours. It shares no code with `src` and `workers`.
 */
export {
  type CheckedTopics,
  checkTopics,
  type CheckTopicsParts,
} from "./read.ts";
export { Check, type CheckOptions } from "./check.ts";
export { type IdSource, idSource, type ReadOptions } from "./extract.ts";
export {
  type HistoryOperation,
  HistoryWriter,
  readHistory,
} from "./history.ts";
export {
  type Anomaly,
  type AnomalyKind,
  type Counts,
  type Example,
  formatReport,
  type Id,
  type Report,
} from "./report.ts";
