/** What tests of mirrored topics do on a source cluster. */
import {
  DamageChecker,
  type DamagePolicy,
  type Examinee,
} from "../../dr/topics/mod.ts";
import { type Admin, type NewTopic } from "../../src/kafka/mod.ts";
import { createLog, type LogLine } from "../../src/telemetry/log.ts";
import { produce } from "./embedded.ts";
import { ledEverywhere } from "./kafka_metadata.ts";
import { eventually } from "./wait.ts";

export const OPTIONS = { timeoutMs: 30_000 };

export interface SourceSetting {
  readonly source: Admin;
  readonly sourceServers: string;
  /** Names, or starts the names of, topics that no other step uses. */
  readonly topic: string;
}

export function checkerOf({ source }: SourceSetting, policy: DamagePolicy) {
  const lines: LogLine[] = [];
  const log = createLog({ level: "info", write: (line) => lines.push(line) });
  const checker = new DamageChecker({
    admin: source,
    log,
    rules: [{ topics: /.*/, policy }],
    confirmAfterMs: 100,
  });
  return { checker, lines };
}

export const recorded = (
  topic: string,
  topicId: string,
  position: number,
): Examinee => ({ topic, partition: 0, topicId, position, leaderEpoch: 0 });

export const values = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, at) => `${prefix}-${at}`);

export const recordsOf = (topic: string, values: readonly string[]) =>
  values.map((value) => ({ topic, partition: 0, value }));

/** Creates it on the source; resolves with its id when it has leaders. */
export async function create(
  setting: SourceSetting,
  topic: NewTopic,
): Promise<string> {
  const [created] = await setting.source.topics.create([topic], OPTIONS);
  if (created!.error !== null) throw created!.error;
  await ledEverywhere(setting.sourceServers, topic.topic, topic.partitions);
  return await idOf(setting, topic.topic);
}

export async function createWith(
  setting: SourceSetting,
  values: readonly string[],
): Promise<string> {
  const { topic, sourceServers } = setting;
  const id = await create(setting, { topic, partitions: 1 });
  await produce(sourceServers, recordsOf(topic, values));
  return id;
}

export async function recreate(
  setting: SourceSetting,
  values: readonly string[],
): Promise<string> {
  const { topic, source, sourceServers } = setting;
  const former = await idOf(setting, topic);
  const [deleted] = await source.topics.delete([topic], OPTIONS);
  if (deleted!.error !== null) throw deleted!.error;
  // The name is free once the controller has done that.
  await eventually(
    () => create(setting, { topic, partitions: 1 }),
    { what: "created anew" },
  );
  // The broker may have the former one for a while, and take its records.
  const id = await eventually(async () => {
    const id = await idOf(setting, topic);
    return id === former ? "" : id;
  }, { what: "known to be another topic" });
  await ledEverywhere(sourceServers, topic);
  await produce(sourceServers, recordsOf(topic, values));
  return id;
}

export async function idOf(
  { source }: SourceSetting,
  topic: string,
): Promise<string> {
  const [summary] = await source.topics.summarize([topic], OPTIONS);
  return summary!.topicId;
}

export async function sized(
  { source }: SourceSetting,
  topic: string,
  partitions: number,
): Promise<void> {
  await eventually(async () => {
    const [summary] = await source.topics.summarize([topic], OPTIONS);
    return summary!.partitions === partitions;
  }, { what: `of ${partitions} partitions: ${topic}` });
}

/** Settings of the topic itself. */
export async function ownConfigs(
  admin: Admin,
  topic: string,
): Promise<Record<string, string | null>> {
  const [answer] = await admin.configs.describe(
    [{ type: "topic", name: topic }],
    OPTIONS,
  );
  return Object.fromEntries(
    answer!.entries.filter(({ source }) => source === "topic")
      .map(({ name, value }) => [name, value]),
  );
}
