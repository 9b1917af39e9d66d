/**
 * Runs a batch processor: one batch after another, which keeps every order.
 *
 * Inputs that wait for another attempt hold up the later records of their line
 * (see `lines.ts`), which are taken out of their batches meanwhile; the rest
 * goes on. What has waited comes before what has not been begun:
 *
 *     ready:   [tried again] [held up behind it, of batch 2] [.., of batch 3]
 *     waiting: [batch 4] [batch 5]
 */
import { Phase } from "../src/pool/page.ts";
import { BatchOutputs } from "./batch_outputs.ts";
import { BatchView } from "./batch_view.ts";
import { Delays } from "./delays.ts";
import { type Failure, Failures } from "./failures.ts";
import { Handlers, type StreamParts } from "./handlers.ts";
import type { WorkerKind } from "./kind.ts";
import { Line, type LineId, lineOf, type Task } from "./lines.ts";
import { type BatchProcessor, RejectError } from "./processor.ts";
import { Queue } from "./queue.ts";
import type { Ticket } from "./settlement.ts";

/** Records of one batch that are handled together. */
interface Part {
  readonly ticket: Ticket;
  /** Null: all of the batch. */
  readonly tasks: readonly Task[] | null;
}

/** Inputs of one line that failed together. */
interface Again {
  readonly tasks: Task[];
  delayMs: number;
}

export class BatchKind implements WorkerKind {
  readonly #processor: BatchProcessor;
  readonly #handlers: Handlers;
  readonly #failures: Failures;
  readonly #delays: Delays;
  readonly #parts: StreamParts;
  /** Where an input waits for another attempt, and what it holds up. */
  readonly #lines = new Map<LineId, Line>();
  #ready = new Queue<Part>();
  #waiting = new Queue<Part>();
  #running = false;

  constructor(processor: BatchProcessor, parts: StreamParts) {
    this.#processor = processor;
    this.#parts = parts;
    this.#handlers = new Handlers(parts);
    this.#failures = new Failures(parts);
    this.#delays = new Delays(parts.onCrash);
  }

  handle(ticket: Ticket): void {
    for (const part of this.#partsOfBatch(ticket)) this.#waiting.push(part);
    this.#goOn();
  }

  abort(): void {
    this.#ready = new Queue();
    this.#waiting = new Queue();
    this.#lines.clear();
    this.#delays.clear();
    this.#handlers.abort();
  }

  #goOn(): void {
    while (!this.#running && !this.#handlers.aborted) {
      const part = this.#ready.shift() ?? this.#waiting.shift();
      if (part === undefined) break;
      const free = this.#lines.size === 0 ? part : this.#free(part);
      if (free !== null) this.#run(free);
    }
  }

  /** Without the records that are held up; null: nothing is left. */
  #free({ ticket, tasks }: Part): Part | null {
    const { ordering } = this.#parts.job;
    const free = (tasks ?? this.#allOf(ticket)).filter((task) => {
      const line = this.#lines.get(lineOf(ordering, ticket.batch, task.index));
      line?.push(task);
      return line === undefined;
    });
    return free.length === 0 ? null : { ticket, tasks: free };
  }

  #run(part: Part): void {
    const { page, job } = this.#parts;
    const { ticket, tasks } = part;
    const { batch } = ticket;
    const context = this.#handlers.context(
      this.#mostFailures(part),
      ticket.trace?.trace ?? null,
    );
    for (
      let input = 0;
      ticket.trace !== null && input < countOf(part);
      input++
    ) {
      ticket.trace.begin(indexIn(part, input));
    }
    const input = tasks === null
      ? batch
      : new BatchView(batch, tasks.map((task) => task.index));
    const outputs = new BatchOutputs(input.count, job.outputTopic, page);
    let result: void | Promise<void>;
    page.enter(Phase.user);
    try {
      result = this.#processor.processBatch(input, outputs, context);
    } catch (error) {
      page.enter(Phase.native);
      this.#finish(part, outputs, { error });
      return;
    }
    page.enter(Phase.native);
    if (!(result instanceof Promise)) {
      this.#finish(part, outputs, null);
      return;
    }
    this.#running = true;
    const { timeout, cancel } = this.#handlers.timed(context);
    Promise.race([result, timeout]).then(
      () => this.#finish(part, outputs, null),
      (error) => this.#finish(part, outputs, { error }),
    ).finally(cancel).then(() => {
      this.#running = false;
      this.#goOn();
      this.#parts.sink.flush();
    }).catch(this.#parts.onCrash);
  }

  #finish(
    part: Part,
    outputs: BatchOutputs,
    thrown: Thrown | null,
  ): void {
    outputs.close();
    if (this.#handlers.aborted) return;
    const { settlement, sink, job } = this.#parts;
    const { ticket } = part;
    const at = (input: number) => indexIn(part, input);
    const past = (input: number) => this.#pastOf(part, input);
    for (const answer of outputs.answers) {
      const index = at(answer.index);
      if ("record" in answer) sink.add(ticket, index, answer.record);
      else {
        ticket.trace?.failed(index, REJECTED);
        this.#failures.reject(ticket, index, past(answer.index), answer.reason);
      }
    }
    const again = new Map<LineId, Again>();
    const count = countOf(part);
    for (let input = 0; input < count; input++) {
      const index = at(input);
      const failure = failureOf(outputs, input, thrown);
      if (failure !== null) {
        const { error } = failure;
        ticket.trace?.failed(index, error);
        const wait = this.#failures.fail(ticket, index, past(input), error);
        if (wait !== null) {
          const id = lineOf(job.ordering, ticket.batch, index);
          const group = again.get(id) ?? { tasks: [], delayMs: 0 };
          group.tasks.push({ ticket, index, past: wait.failure });
          group.delayMs = Math.max(group.delayMs, wait.delayMs);
          again.set(id, group);
          continue;
        }
      } else if (!outputs.isAnswered(input)) {
        sink.skip();
      }
      settlement.handled(ticket, index);
    }
    for (const [id, group] of again) this.#hold(id, group);
  }

  /** Tries inputs again after a while; their line waits for them. */
  #hold(id: LineId, { tasks, delayMs }: Again): void {
    const line = new Line(id);
    if (id !== null) this.#lines.set(id, line);
    this.#delays.after(delayMs, () => {
      this.#lines.delete(id);
      for (const part of this.#partsOf(tasks)) this.#ready.push(part);
      const heldUp: Task[] = [];
      let task;
      while ((task = line.shift()) !== undefined) heldUp.push(task);
      for (const [ticket, tasks] of Map.groupBy(heldUp, (it) => it.ticket)) {
        this.#ready.push({ ticket, tasks });
      }
      this.#goOn();
      this.#parts.sink.flush();
    });
  }

  /** As they come, in one part, but what has one attempt left is on its own. */
  #partsOf(tasks: readonly Task[]): Part[] {
    const { attempts } = this.#parts.job.retry;
    const parts: { ticket: Ticket; tasks: Task[] }[] = [];
    let open = false;
    for (const task of tasks) {
      const isLast = (task.past?.attempts ?? 0) >= attempts - 1;
      if (open && !isLast) parts.at(-1)!.tasks.push(task);
      else parts.push({ ticket: task.ticket, tasks: [task] });
      open = !isLast;
    }
    return parts;
  }

  /** One, unless some have come through delay topics. */
  #partsOfBatch(ticket: Ticket): Part[] {
    const whole = [{ ticket, tasks: null }];
    if (this.#parts.delayTopics.topics.size === 0) return whole;
    const tasks = this.#allOf(ticket);
    return tasks.some(({ past }) => past !== null)
      ? this.#partsOf(tasks)
      : whole;
  }

  #allOf(ticket: Ticket): Task[] {
    const { batch } = ticket;
    return Array.from({ length: batch.count }, (_, index) => ({
      ticket,
      index,
      past: this.#parts.delayTopics.failureBefore(batch, index),
    }));
  }

  #pastOf({ ticket, tasks }: Part, input: number): Failure | null {
    return tasks === null
      ? this.#parts.delayTopics.failureBefore(ticket.batch, input)
      : tasks[input]!.past;
  }

  /** Of the record that has failed most often. */
  #mostFailures(part: Part): Failure | null {
    let most: Failure | null = null;
    const count = countOf(part);
    for (let input = 0; input < count; input++) {
      const past = this.#pastOf(part, input);
      if ((past?.attempts ?? 0) > (most?.attempts ?? 0)) most = past;
    }
    return most;
  }
}

/** What a span says of an input that the processor has rejected. */
const REJECTED = new RejectError("rejected");

const countOf = ({ tasks, ticket }: Part): number =>
  tasks?.length ?? ticket.batch.count;

/** In its batch. */
const indexIn = ({ tasks }: Part, input: number): number =>
  tasks?.[input]?.index ?? input;

interface Thrown {
  readonly error: unknown;
}

/** Why an input is to be tried again; null: it is not. */
function failureOf(
  outputs: BatchOutputs,
  input: number,
  thrown: Thrown | null,
): Thrown | null {
  const wish = outputs.wishOf(input);
  if (wish !== undefined) return { error: wish };
  return outputs.isAnswered(input) ? null : thrown;
}
