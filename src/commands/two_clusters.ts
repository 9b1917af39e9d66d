/** What commands for two clusters begin with. */
import type { ClusterName } from "../../dr/state/mod.ts";
import {
  type LoadedSettings,
  loadProcessSettings,
  type Settings,
  SettingsError,
} from "../config/mod.ts";

export interface TwoClusters {
  readonly loaded: LoadedSettings;
  readonly brokers: Readonly<Record<ClusterName, string>>;
}

/**
 * @param need as a user reads it: "a mirror needs two clusters".
 * @returns a text where the settings are wrong, or lack a cluster.
 */
export function loadTwoClusters(need: string): TwoClusters | string {
  try {
    const loaded = loadProcessSettings();
    return { loaded, brokers: brokersOf(loaded.settings, need) };
  } catch (error) {
    if (error instanceof SettingsError) return error.message;
    throw error;
  }
}

/**
 * @param need as of `loadTwoClusters`
 * @throws {SettingsError} where one is not set.
 */
export function brokersOf(
  { primary, secondary }: Settings,
  need: string,
): TwoClusters["brokers"] {
  const lacks = (name: string) =>
    new SettingsError([`${name} is not set: ${need}`]);
  if (primary.brokers === null) throw lacks("PRIMARY_BROKERS");
  if (secondary.brokers === null) throw lacks("SECONDARY_BROKERS");
  return { primary: primary.brokers, secondary: secondary.brokers };
}
