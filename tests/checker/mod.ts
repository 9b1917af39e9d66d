/**
 * The checker: what a job promises, proved or refuted by reading its topics with
 * clients that are not ours. It shares no code with `src` and `workers`.
 */
export {
  type CheckedTopics,
  CheckError,
  checkTopics,
  type CheckTopicsOptions,
  type CheckTopicsParts,
} from "./read.ts";
export { Check } from "./check.ts";
export type {
  CheckOptions,
  Committed,
  LogBounds,
  Role,
  Seen,
} from "./observation.ts";
export { type IdSource, idSource, type ReadOptions } from "./extract.ts";
export {
  type HistoryOperation,
  HistoryWriter,
  readHistory,
} from "./history.ts";
export { judgeLogins } from "./logins.ts";
export {
  ANOMALIES,
  type Anomaly,
  type AnomalyKind,
  type Counts,
  type Example,
  formatReport,
  type Id,
  type Report,
} from "./report.ts";
