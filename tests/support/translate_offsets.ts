/** Group positions as MirrorMaker 2's Java client translates them. */
import { startGuarded } from "./guarded_process.ts";
import { takeJvmSlot } from "./jvm_slots.ts";
import { fastStartFlags, kafkaRuntime } from "./kafka_runtime.ts";

export interface TranslatedOffset {
  readonly group: string;
  /** The name on the target. */
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly metadata: string;
}

/** @throws {Error} with what Java said, when it fails. */
export async function translateOffsets(
  targetServers: string,
  sourceAlias: string,
  groups: readonly string[],
): Promise<TranslatedOffset[]> {
  const { toolsClassPath } = await kafkaRuntime();
  using _ = takeJvmSlot("translation of offsets");
  const { status, stdout, stderr } = startGuarded([
    ...["java", "-Xmx128m", "-XX:-UsePerfData", ...fastStartFlags],
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
    ...["-cp", toolsClassPath, "TranslateOffsets"],
    ...[targetServers, sourceAlias, ...groups],
  ]);
  const [output, errors] = await Promise.all(
    [stdout, stderr].map((stream) => new Response(stream).text()),
  );
  if (!(await status).success) throw new Error(`TranslateOffsets: ${errors}`);
  return output!.split("\n").filter((line) => line !== "").map((line) => {
    const [group, topic, partition, offset, metadata] = line.split("\t");
    return {
      group: group!,
      topic: topic!,
      partition: Number(partition),
      offset: Number(offset),
      metadata: metadata ?? "",
    };
  });
}
