import { type LoadedSettings, loadSettings } from "./load.ts";

export { wantsCoordinates } from "./coordinates.ts";
export { delayTopicPrefix, delayTopics } from "./delays.ts";
export { effectiveSettings, renderEffective } from "./effective.ts";
export type { EffectiveSetting } from "./effective.ts";
export { parseGatewayAddresses } from "./gateway_addresses.ts";
export type { Source } from "./given.ts";
export {
  type LoadedSettings,
  loadSettings,
  SettingsError,
  type SettingsInput,
} from "./load.ts";
export { memoryBudgetMib } from "./memory.ts";
export { nearestName, suggestion } from "./nearest.ts";
export {
  type ConsumerProperties,
  type KafkaProperties,
  looksSecret,
  type ProducerProperties,
} from "./properties.ts";
export type { ClusterSettings, Settings } from "./table.ts";
export { REPLICATION_FACTOR } from "./topic_configs.ts";
export type { TopicConfigs, TopicPolicy } from "./topic_rules.ts";

/**
 * The settings of this process.
 *
 * @throws {SettingsError} with everything that is wrong.
 */
export function loadProcessSettings(): LoadedSettings {
  return loadSettings({
    env: Deno.env.toObject(),
    readTextFile: (path) => Deno.readTextFileSync(path),
    hardwareConcurrency: navigator.hardwareConcurrency,
    hostname: Deno.hostname(),
  });
}
