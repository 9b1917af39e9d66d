/** Sends one administrative request, by whichever client, and reads the answer. */
import { ErrorCode, errorFromCode, KafkaError } from "../errors.ts";
import type { QueueHandle } from "../handle.ts";
import { readCString } from "../memory.ts";
import type { CoreSymbols } from "../symbols.ts";
import {
  type NativeRequest,
  newSettings,
  type RequestSettings,
} from "./request.ts";
import type { AdminSymbols } from "./symbols.ts";

/** The client that sends it; open until the request has ended. */
export interface RequestClient {
  readonly core: CoreSymbols;
  readonly symbols: AdminSymbols;
  /** Throws once the client has been closed. */
  readonly pointer: () => Deno.PointerObject;
  /** Whoever asks for it disposes of it. */
  readonly newQueue: () => QueueHandle;
  /** Ends requests that wait. */
  readonly closed: AbortSignal;
}

/** librdkafka answers in time itself; this only guards against its silence. */
const LATE_MS = 5_000;
const RETRY_AFTER_MS = 100;
/** The longest that librdkafka knows. */
const HOUR_MS = 3_600_000;

/** See `AdminAccess`; what may help is tried again while there is time. */
export async function sendRequest<T>(
  client: RequestClient,
  doing: string,
  settings: RequestSettings,
  send: (request: NativeRequest) => void,
  read: (answer: Deno.PointerObject) => T,
): Promise<T> {
  const { core } = client;
  const signals = settings.signal === undefined ? [] : [settings.signal];
  const stop = AbortSignal.any([client.closed, ...signals]);
  stop.throwIfAborted();
  using queue = client.newQueue();
  const deadline = performance.now() + settings.timeoutMs;
  let { timeoutMs } = settings;
  const isOurs = settings.byCoordinator === true;
  for (;;) {
    const nativeMs = isOurs ? HOUR_MS : timeoutMs;
    sendOnce(client, { ...settings, timeoutMs: nativeMs }, queue, send);
    const waitMs = isOurs ? timeoutMs : timeoutMs + LATE_MS;
    const answer = await poll(core, queue, waitMs, stop);
    try {
      return readAnswer(core, doing, answer, read);
    } catch (error) {
      timeoutMs = Math.floor(deadline - performance.now() - RETRY_AFTER_MS);
      if (!isTransient(error) || timeoutMs <= 0) throw error;
    } finally {
      if (answer !== null) core.rd_kafka_event_destroy(answer);
    }
    await poll(core, queue, RETRY_AFTER_MS, stop);
  }
}

function sendOnce(
  requests: RequestClient,
  settings: RequestSettings,
  queue: QueueHandle,
  send: (request: NativeRequest) => void,
): void {
  const client = requests.pointer();
  const native = newSettings(requests, client, settings);
  try {
    send({ client, settings: native, queue: queue.pointer });
  } finally {
    requests.symbols.rd_kafka_AdminOptions_destroy(native);
  }
}

/** The next event, or null after `timeoutMs` without one. */
async function poll(
  core: CoreSymbols,
  queue: QueueHandle,
  timeoutMs: number,
  stop: AbortSignal,
): Promise<Deno.PointerValue> {
  stop.throwIfAborted();
  const wake = () => core.rd_kafka_queue_yield(queue.pointer);
  stop.addEventListener("abort", wake, { once: true });
  try {
    const event = await core.rd_kafka_queue_poll_wait(queue.pointer, timeoutMs);
    if (event === null) stop.throwIfAborted();
    return event;
  } finally {
    stop.removeEventListener("abort", wake);
  }
}

function readAnswer<T>(
  core: CoreSymbols,
  doing: string,
  answer: Deno.PointerValue,
  read: (answer: Deno.PointerObject) => T,
): T {
  if (answer === null) {
    throw errorFromCode(core, ErrorCode.timedOut, doing);
  }
  const code = core.rd_kafka_event_error(answer);
  if (code === ErrorCode.none) return read(answer);
  const text = readCString(core.rd_kafka_event_error_string(answer));
  throw errorFromCode(core, code, doing, text);
}

/** For example while the group's coordinator moves. */
const isTransient = (error: unknown) =>
  error instanceof KafkaError && error.retriable &&
  error.code !== ErrorCode.timedOut;
