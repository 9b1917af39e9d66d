/** Sends logins to whichever cluster is active, at a rate, and says how many. */
import { ActiveCluster, FollowingProducer } from "../../dr/follow/mod.ts";
import type { FollowerEvent } from "../../dr/follow/mod.ts";
import { Sender } from "../../dr/sender.ts";
import { pause } from "../../dr/waits.ts";
import type { LoadedSettings, Settings } from "../config/mod.ts";
import { loginAt } from "../embedded/login_generator.ts";
import { LoginTracing } from "../embedded/login_tracing.ts";
import { Pace } from "../embedded/pace.ts";
import { KafkaError, type Library, type OutputRecord } from "../kafka/mod.ts";
import { count } from "../telemetry/figures.ts";
import type { Log } from "../telemetry/log.ts";
import { startProgress } from "../telemetry/progress.ts";
import { clientSettings } from "./client_properties.ts";
import type { GenerateOptions } from "./generate.ts";
import { instanceIdOf } from "./instance_id.ts";
import { print } from "./output.ts";
import { Service } from "./service.ts";

/** Waits until all are acknowledged. */
type Send = (
  records: readonly OutputRecord[],
  signal: AbortSignal,
) => Promise<unknown>;

const SLICE_MS = 10;
/** About 5 ms of work. */
const SLICE_LOGINS = 2000;
/** The same users at each start. */
const SEED = 1;
/** Of an outcome that librdkafka has no number for. */
const UNKNOWN_CODE = -1;

/**
 * @returns the exit status.
 * @throws {KafkaError} when a login is refused.
 */
export async function runGenerate(
  loaded: LoadedSettings,
  brokers: string,
  options: GenerateOptions,
): Promise<number> {
  const startedMs = performance.now();
  const { settings } = loaded;
  await using stack = new AsyncDisposableStack();
  const instance = stack.use(instanceIdOf(loaded));
  const service = stack.use(
    await Service.open({ settings, instanceId: instance.id }),
  );
  const { library, log, telemetry } = service;
  let send: Send;
  try {
    const parts = { brokers, library, log, settings, stack };
    send = await openSend(parts, service.stop);
  } catch (error) {
    if (service.stop.aborted) return 0;
    throw error;
  }
  const { forMs, rate } = options;
  const topic = settings.inputTopic;
  const tracing = telemetry.tracing === null ? null : new LoginTracing({
    ...telemetry.tracing,
    topic,
    onSpans: telemetry.onSpans,
  });
  log.info("started", { role: "generate", topic, rateRecords: rate });
  const sent = { count: 0 };
  stack.use(startProgress({
    log,
    total: () => sent.count,
    text: (rate) => `sent ${count(sent.count)} logins to ${topic} (${rate})`,
  }));
  const stop = forMs === null
    ? service.stop
    : AbortSignal.any([service.stop, AbortSignal.timeout(forMs)]);
  await run({ send, topic, options, sent, tracing, settings }, stop);
  const seconds = Math.round(performance.now() - startedMs) / 1000;
  await stack.disposeAsync();
  print(JSON.stringify({ event: "summary", generated: sent.count, seconds }));
  return 0;
}

interface SendParts {
  readonly brokers: string;
  readonly library: Library;
  readonly log: Log;
  readonly settings: Settings;
  /** Ends what is opened. */
  readonly stack: AsyncDisposableStack;
}

/** To the cluster of the settings, or to whichever of two is active. */
async function openSend(
  { brokers, library, log, settings, stack }: SendParts,
  signal: AbortSignal,
): Promise<Send> {
  const { primary, secondary } = settings;
  // Whatever the job's guarantee: nothing else is in a transaction with these.
  const plain: Settings = { ...settings, guarantee: "at-least-once" };
  const own = clientSettings(plain, primary, brokers);
  if (secondary.brokers === null) {
    const sender = stack.use(
      new Sender({
        library,
        properties: own.producer,
        onEvent: (event, producer) => {
          if (event.kind === "error") unwell(log, event.error);
          else if (event.kind === "tokenRefresh") {
            producer.setOauthTokenFailure("use sasl.oauthbearer.method=oidc");
          }
        },
      }),
    );
    return (records, signal) => sender.send(records, signal);
  }
  const other = clientSettings(plain, secondary, secondary.brokers);
  const active = stack.use(
    await ActiveCluster.open({
      library,
      primary: { kafka: own.admin, producer: own.producer },
      secondary: { kafka: other.admin, producer: other.producer },
      onEvent: (event) => follow(log, event),
    }, signal),
  );
  const producer = stack.use(
    new FollowingProducer(active, { onSwitch: "resend" }),
  );
  return (records, signal) => producer.send(records, signal);
}

function follow(log: Log, event: FollowerEvent): void {
  switch (event.kind) {
    case "switch":
      log.info(
        event.to === null
          ? "no cluster is active: a switch is under way"
          : `sending to the ${event.to.cluster}`,
        { epoch: event.epoch },
      );
      return;
    case "resent":
      log.info("sent again what was not acknowledged", {
        cluster: event.cluster,
        count: event.records,
      });
      return;
    case "error":
      unwell(log, event.error);
      return;
    case "refused":
    case "late":
    case "state":
    case "log":
      return;
  }
}

/** A cluster that is away is waited for. */
const unwell = (log: Log, error: Error) =>
  log.warn("Kafka", { error: error.message });

interface RunParts {
  readonly send: Send;
  readonly topic: string;
  readonly options: GenerateOptions;
  /** Acknowledged logins. */
  readonly sent: { count: number };
  readonly tracing: LoginTracing | null;
  readonly settings: Settings;
}

async function run(
  { options, send, sent, settings, topic, tracing }: RunParts,
  stop: AbortSignal,
): Promise<void> {
  const { malformed, rate } = options;
  const most = options.messages ?? Infinity;
  using late = lateSignal(stop, settings.drainMs);
  const pace = new Pace(rate, performance.now());
  while (!stop.aborted && sent.count < most) {
    const room = Math.min(SLICE_LOGINS, most - sent.count);
    const due = pace.take(performance.now(), room);
    // However long a cluster was away, a login happens when it is sent.
    const startSeconds = Math.floor(Date.now() / 1000 - sent.count / rate);
    const stream = { seed: SEED, malformed, startSeconds, perSecond: rate };
    const traced = Array.from({ length: due }, () => tracing?.begin());
    const records = traced.map((each, index) => {
      const { key, value } = loginAt(stream, sent.count + index);
      const header = each?.header ?? null;
      return { topic, key, value, headers: header === null ? [] : [header] };
    });
    const end = (code: number) => {
      traced.forEach((each) => tracing?.end(each!.number, code));
      tracing?.flush();
    };
    try {
      if (due > 0) await send(records, late.signal);
      end(0);
    } catch (error) {
      end(error instanceof KafkaError ? error.code : UNKNOWN_CODE);
      if (late.signal.aborted) return;
      throw error;
    }
    sent.count += due;
    await pause(SLICE_MS, stop);
  }
}

/** Aborts `ms` after `signal` does. */
function lateSignal(
  signal: AbortSignal,
  ms: number,
): Disposable & { readonly signal: AbortSignal } {
  const late = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const begin = () => timer = setTimeout(() => late.abort(), ms);
  signal.addEventListener("abort", begin, { once: true });
  return {
    signal: late.signal,
    [Symbol.dispose]() {
      signal.removeEventListener("abort", begin);
      clearTimeout(timer);
    },
  };
}
