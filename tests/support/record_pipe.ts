/**
 * Kafka's own Java producer and consumer for tests, in a JVM beside the test.
 *
 * kafkajs would need a consumer group to read, loses the order of headers, sends
 * no null header values and knows gzip alone; this one has none of these limits
 * and shares no code with the engine under test.
 *
 *     request:  'p', 'r', 'l' or 'w', topic, count of settings, (name, value)...
 *               'p' and 'l' only: ('r' record)... 'e'
 *               'w' only: see record_session.ts
 *     answer:   'r' only: ('r' record)...
 *               'l' and 'w', while it is sent: ('a' index, partition, offset  |
 *                 'u' index, error message)...
 *               'e' count of records  |  'x' error message
 *     record:   partition, offset, timestamp, key, value,
 *               count of headers, (name, value)...
 *
 * Lengths, counts and partitions are 32 bits wide, offsets, timestamps and
 * indices 64;
 * a length of -1 is null.
 */
import { sendSignal } from "./guarded_process.ts";
import { takeJvmSlot } from "./jvm_slots.ts";
import { kafkaRuntime } from "./kafka_runtime.ts";
import { RecordSession } from "./record_session.ts";
import {
  acknowledgedMark,
  doneMark,
  endMark,
  errorMark,
  FrameReader,
  FrameWriter,
  type KafkaRecord,
  type NewRecord,
  recordMark,
  unknownMark,
} from "./record_codec.ts";

/** Bytes that are gathered before they are handed to the JVM. */
const sendBytes = 1 << 18;
/** The same where records should not wait. */
const liveBytes = 1 << 13;

type Records = Iterable<NewRecord> | AsyncIterable<NewRecord>;
type Answer =
  | { readonly kind: "end"; readonly count: number }
  | { readonly kind: "error"; readonly message: string };
/** What became of a record, by its number in the order of sending. */
export type Outcome =
  | {
    readonly kind: "acknowledged";
    readonly index: number;
    readonly partition: number;
    readonly offset: number;
  }
  /** It may be in the topic, or not. */
  | {
    readonly kind: "unknown";
    readonly index: number;
    readonly reason: string;
  };
/** Of a step in a session; its failure, or null. */
interface Done {
  readonly kind: "done";
  readonly failure: string | null;
}
type Visit = (records: readonly KafkaRecord[]) => void;

export class RecordPipe implements AsyncDisposable {
  static async start(): Promise<RecordPipe> {
    const { toolsClassPath, archiveFlag } = await kafkaRuntime();
    const slot = takeJvmSlot("record pipe");
    const child = new Deno.Command("java", {
      args: [
        "-Xmx256m",
        "-XX:-UsePerfData",
        // The JVM's own warnings go to where our answers go, by default.
        "-Xlog:disable",
        "-Xlog:all=warning:stderr",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
        "-XX:+UseSerialGC",
        archiveFlag,
        "-cp",
        toolsClassPath,
        "RecordPipe",
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    void child.status.then(() => slot[Symbol.dispose]());
    return new RecordPipe(child);
  }

  #child: Deno.ChildProcess;
  #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  #output: ReadableStreamDefaultReader<Uint8Array>;
  #writer = new FrameWriter();
  #reader = new FrameReader();
  /** Requests are served one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #broken = false;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#input = child.stdin.getWriter();
    this.#output = child.stdout.getReader();
  }

  /**
   * Returns the number of records when all are acknowledged.
   *
   * @throws {Error} the first failure of a record or of its transaction.
   */
  produce(
    topic: string,
    records: Records,
    settings: Readonly<Record<string, string>>,
  ): Promise<number> {
    return this.#serially(async () => {
      this.#request("p", topic, settings);
      await this.#sendAll(records, sendBytes);
      return await this.#answer(() => {});
    });
  }

  /**
   * Sends records as they come, and tells what became of each, in whichever order
   * that becomes known. Returns their number when all outcomes have been told.
   */
  load(
    topic: string,
    records: Records,
    settings: Readonly<Record<string, string>>,
    told: (outcome: Outcome) => void,
  ): Promise<number> {
    return this.#serially(async () => {
      this.#request("l", topic, settings);
      const answer = this.#answer(() => {}, told);
      // Whichever fails first: the other one then cannot go on.
      const [end] = await Promise.all([
        answer,
        this.#sendAll(records, liveBytes),
      ]);
      return end;
    });
  }

  /**
   * Several producers in turns, each with these settings: one with a
   * `transactional.id` sends in transactions alone. What `told` hears is numbered
   * in the order of sending, over all producers. Returns the number of records
   * when all outcomes have been told.
   */
  async write(
    producers: readonly Readonly<Record<string, string>>[],
    use: (session: RecordSession) => Promise<void>,
    told: (outcome: Outcome) => void,
  ): Promise<number> {
    let failed: { readonly error: unknown } | undefined;
    const count = await this.#serially(async () => {
      this.#request("w", "", {});
      this.#writer.int32(producers.length);
      for (const settings of producers) this.#settings(settings);
      const session = new RecordSession(this.#writer, () => this.#send());
      const answer = this.#answer(() => {}, told, (done) => session.done(done));
      // The JVM is gone then, and nobody answers any more.
      answer.catch((error) => session.fail(error));
      try {
        await use(session);
      } catch (error) {
        failed = { error };
      }
      await session.end();
      return await answer;
    });
    if (failed !== undefined) throw failed.error;
    return count;
  }

  /** Visits what is there now, returns the number of records. */
  read(
    topic: string,
    visit: Visit,
    settings: Readonly<Record<string, string>>,
  ): Promise<number> {
    return this.#serially(async () => {
      this.#request("r", topic, settings);
      await this.#send();
      return await this.#answer(visit);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    sendSignal(this.#child, "SIGKILL");
    await this.#child.status;
    this.#output.releaseLock();
    await this.#child.stdout.cancel();
    // What a broken request left unsent cannot be sent any more.
    await this.#input.abort().catch(() => {});
  }

  /** A failure that the JVM reports leaves the pipe usable, others do not. */
  #serially(work: () => Promise<Answer>): Promise<number> {
    const result = this.#last.then(async () => {
      if (this.#broken) throw new Error("an earlier failure broke the pipe");
      this.#broken = true;
      const answer = await work();
      this.#broken = false;
      if (answer.kind === "error") throw new Error(answer.message);
      return answer.count;
    });
    this.#last = result.catch(() => {});
    return result;
  }

  #request(
    kind: "p" | "r" | "l" | "w",
    topic: string,
    settings: Readonly<Record<string, string>>,
  ): void {
    this.#writer.byte(kind.charCodeAt(0));
    this.#writer.bytes(topic);
    this.#settings(settings);
  }

  #settings(settings: Readonly<Record<string, string>>): void {
    const entries = Object.entries(settings);
    this.#writer.int32(entries.length);
    for (const text of entries.flat()) this.#writer.bytes(text);
  }

  async #send(): Promise<void> {
    await this.#input.write(this.#writer.take());
  }

  /** Hands them over whenever so many bytes are gathered. */
  async #sendAll(records: Records, gatherBytes: number): Promise<void> {
    for await (const record of records) {
      this.#writer.byte(recordMark);
      this.#writer.record(record);
      if (this.#writer.length >= gatherBytes) await this.#send();
    }
    this.#writer.byte(endMark);
    await this.#send();
  }

  async #answer(
    visit: Visit,
    told: (outcome: Outcome) => void = () => {},
    done: (failure: string | null) => void = () => {},
  ): Promise<Answer> {
    for (;;) {
      const records: KafkaRecord[] = [];
      let part = this.#nextPart();
      for (; part !== undefined; part = this.#nextPart()) {
        if (part.kind === "record") records.push(part.record);
        else if (part.kind === "end" || part.kind === "error") break;
        else if (part.kind === "done") done(part.failure);
        else told(part);
      }
      if (records.length > 0) visit(records);
      if (part !== undefined) return part;
      const { value, done: isOver } = await this.#output.read();
      if (isOver) throw new Error("the record pipe's JVM ended");
      this.#reader.add(value);
    }
  }

  #nextPart():
    | { kind: "record"; record: KafkaRecord }
    | Outcome
    | Done
    | Answer
    | undefined {
    return this.#reader.whole((reader) => {
      const mark = reader.byte();
      switch (mark) {
        case recordMark:
          return { kind: "record", record: reader.record() };
        case acknowledgedMark:
          return {
            kind: "acknowledged",
            index: reader.int64(),
            partition: reader.int32(),
            offset: reader.int64(),
          };
        case unknownMark:
          return {
            kind: "unknown",
            index: reader.int64(),
            reason: reader.text(),
          };
        case doneMark:
          reader.int64(); // the number of the step
          return { kind: "done", failure: reader.optionalText() };
        case endMark:
          return { kind: "end", count: reader.int64() };
        case errorMark:
          return { kind: "error", message: reader.text() };
        default:
          throw new Error(`unexpected mark ${mark} from the record pipe`);
      }
    });
  }
}
