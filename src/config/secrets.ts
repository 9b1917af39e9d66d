import { looksSecret } from "./properties.ts";
import type { Settings } from "./table.ts";

/** Values of the settings that nobody may be shown. */
export function secretValues({ primary, secondary }: Settings): string[] {
  return [primary, secondary].flatMap((cluster) =>
    [cluster.kafka, cluster.consumer, cluster.producer].flatMap((properties) =>
      Object.entries(properties)
        .filter(([name]) => looksSecret(name))
        .map(([, value]) => String(value))
    )
  );
}
