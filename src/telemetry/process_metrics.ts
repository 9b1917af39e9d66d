/** What every command says of its process. */
import type { Metric } from "./metrics.ts";
import { VERSION } from "./version.ts";

/** @param librdkafka its version */
export const processMetrics = (librdkafka: string): Metric[] => [
  {
    kind: "gauge",
    name: "process.start_time",
    unit: "s",
    help: "When the process started, in seconds since the epoch.",
    samples: [[{}, performance.timeOrigin / 1000]],
  },
  {
    kind: "gauge",
    name: "process.resident_memory",
    unit: "By",
    help: "Resident memory of the process.",
    samples: [[{}, Deno.memoryUsage().rss]],
  },
  {
    kind: "gauge",
    name: "switchyard.build_info",
    help: "1; the labels are the versions in use.",
    samples: [[
      { version: VERSION, deno: Deno.version.deno, librdkafka },
      1,
    ]],
  },
];
