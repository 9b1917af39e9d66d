/** A cluster of the settings, once it is fit for the job. */
import type { ClusterName } from "../../dr/state/mod.ts";
import { delayTopics, type Settings } from "../config/mod.ts";
import type { Library } from "../kafka/mod.ts";
import type { JobCoordinates } from "../pool/mod.ts";
import type { Log } from "../telemetry/log.ts";
import { type ClientSettings, clientSettings } from "./client_properties.ts";
import { readCoordinates } from "./coordinates.ts";
import { preflight } from "./preflight.ts";

export interface FitCluster {
  readonly clients: ClientSettings;
  /** Null: outputs need none. */
  readonly coordinates: JobCoordinates | null;
}

/** @throws {PreflightError} where it is not. */
export async function fitCluster(
  library: Library,
  settings: Settings,
  cluster: ClusterName,
  brokers: string,
  log: Log,
): Promise<FitCluster> {
  const { createTopics, dlqTopic, inputTopic, outputTopic } = settings;
  const { largestBatchBytes } = await preflight({
    library,
    properties: clientSettings(settings, settings[cluster], brokers).producer,
    cluster,
    brokers,
    inputTopic,
    outputTopics: [outputTopic, dlqTopic],
    delayTopics: delayTopics(inputTopic, settings.retryDelays)
      .map(({ topic }) => topic),
    createTopics,
    log,
  });
  const clients = clientSettings(
    settings,
    settings[cluster],
    brokers,
    largestBatchBytes === null ? {} : { largestBatchBytes },
  );
  // After the preflight, which makes topics that are missing.
  const coordinates = await readCoordinates(
    library,
    settings,
    clients.producer,
  );
  return { clients, coordinates };
}
