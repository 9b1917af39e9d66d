/** What commands for two clusters begin with. */
import type { ClusterName } from "../../dr/state/mod.ts";
import {
  type LoadedSettings,
  loadProcessSettings,
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
  let loaded: LoadedSettings;
  try {
    loaded = loadProcessSettings();
  } catch (error) {
    if (error instanceof SettingsError) return error.message;
    throw error;
  }
  const { primary, secondary } = loaded.settings;
  if (primary.brokers === null) return `PRIMARY_BROKERS is not set: ${need}`;
  if (secondary.brokers === null) {
    return `SECONDARY_BROKERS is not set: ${need}`;
  }
  return {
    loaded,
    brokers: { primary: primary.brokers, secondary: secondary.brokers },
  };
}
