/** What the standard variables `OTEL_*` ask for. Pure. */
import type { Tracing } from "../spans.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

const SIGNALS = ["traces", "metrics", "logs"] as const;
export type Signal = typeof SIGNALS[number];

/**
 * What is to be exported. OpenTelemetry's default, to export everything to this
 * machine, holds only where something is set: most that run this have no
 * collector, and would be told so for ever.
 */
export function exportedSignals(env: Environment): ReadonlySet<Signal> {
  const text = (name: string) => env[name]?.trim() ?? "";
  const isDisabled = text("OTEL_SDK_DISABLED").toLowerCase() === "true";
  const exported = SIGNALS.filter((signal) => {
    const exporters = listOf(text(`OTEL_${signal.toUpperCase()}_EXPORTER`));
    if (exporters.length > 0) return !exporters.includes("none");
    const own = `OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_ENDPOINT`;
    return text("OTEL_EXPORTER_OTLP_ENDPOINT") !== "" || text(own) !== "";
  });
  return new Set(isDisabled ? [] : exported);
}

export interface Sampling {
  readonly tracing: Tracing | null;
  /** What is wrong with the variables; null: nothing. */
  readonly problem: string | null;
}

interface Sampler extends Pick<Sampling, "problem"> {
  readonly tracing: Omit<Tracing, "isPropagated"> | null;
}

/** All traces that are begun are made. */
const EVERY = { ratio: 1, restMs: 0 };
/**
 * Where nothing is said: everything of a job with little to do, and of one at
 * full speed no more than can be looked at. All batches traced cost it some per
 * cent (bench/README.md).
 */
const MOST_TEN_A_SECOND = { ratio: 1, restMs: 100 };

/**
 * Of `OTEL_TRACES_SAMPLER` and `OTEL_PROPAGATORS`. Whoever began a trace has decided about it, also
 * where the name does not begin with `parentbased_`.
 */
export function sampling(env: Environment): Sampling {
  const { problem, tracing } = samplerOf(env);
  const isPropagated = !listOf(env["OTEL_PROPAGATORS"] ?? "").includes("none");
  return { problem, tracing: tracing && { ...tracing, isPropagated } };
}

function samplerOf(env: Environment): Sampler {
  const name = env["OTEL_TRACES_SAMPLER"]?.trim() ?? "";
  switch (name) {
    case "":
      return { tracing: MOST_TEN_A_SECOND, problem: null };
    case "always_on":
    case "parentbased_always_on":
      return { tracing: EVERY, problem: null };
    case "always_off":
      return { tracing: null, problem: null };
    case "parentbased_always_off":
      return { tracing: { ratio: 0, restMs: 0 }, problem: null };
    case "traceidratio":
    case "parentbased_traceidratio":
      return ratioSampling(env["OTEL_TRACES_SAMPLER_ARG"]?.trim() ?? "");
    default:
      return {
        tracing: EVERY,
        problem: `unknown OTEL_TRACES_SAMPLER "${name}": every trace is made`,
      };
  }
}

function ratioSampling(argument: string): Sampler {
  const ratio = Number(argument);
  if (argument !== "" && ratio >= 0 && ratio <= 1) {
    return { tracing: { ratio, restMs: 0 }, problem: null };
  }
  return {
    tracing: EVERY,
    problem: `OTEL_TRACES_SAMPLER_ARG must be between 0 and 1, ` +
      `not "${argument}": every trace is made`,
  };
}

/** The names in a list that is separated by commas, each once. */
export const listOf = (text: string): string[] => [
  ...new Set(
    text.split(",").map((each) => each.trim()).filter((each) => each !== ""),
  ),
];
