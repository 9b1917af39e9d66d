/** What tests of mirrored topics do on both clusters. */
import { TopicSync, type TopicSyncOptions } from "../../dr/topics/mod.ts";
import type { Admin } from "../../src/kafka/mod.ts";
import { createLog, type LogLine } from "../../src/telemetry/log.ts";
import type { IndependentClient } from "./independent_client.ts";
import type { SourceSetting } from "./source_topics.ts";

export interface SyncSetting extends SourceSetting {
  readonly target: Admin;
  readonly targetServers: string;
  /** Knows the target without our binding. */
  readonly witness: IndependentClient;
}

/** What every target has. */
export const FIXED = {
  "message.timestamp.type": "CreateTime",
  "message.timestamp.before.max.ms": "9223372036854775807",
  "message.timestamp.after.max.ms": "9223372036854775807",
};

const isOf = (step: string, topic: string) =>
  (topic === step || topic.startsWith(`${step}-`)) &&
  !topic.endsWith("-internal");

export function syncOf(
  { source, target, topic }: SyncSetting,
  options: Partial<TopicSyncOptions> = {},
) {
  const lines: LogLine[] = [];
  const log = createLog({ level: "info", write: (line) => lines.push(line) });
  const sync = new TopicSync({
    source,
    target,
    log,
    isMirrored: (name) => isOf(topic, name),
    targetTopic: (name) => `from.${name}`,
    isConfigCopied: (name) => name !== "segment.bytes",
    replicationFactor: 1,
    configOverrides: [],
    ...options,
  });
  return { sync, lines };
}
