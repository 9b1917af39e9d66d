/**
 * A TCP proxy before one broker, that makes the network misbehave: it delays or
 * swallows answers, cuts connections, or forwards nothing at all.
 */
import { apiKeys, type ApiName } from "./frames.ts";
import { Passage } from "./passage.ts";

/** What happens to everything that passes. */
export type ProxyMode =
  | { readonly kind: "pass" }
  /** Answers come later, by `delayMs` and up to `jitterMs` more. */
  | {
    readonly kind: "delay";
    readonly delayMs: number;
    readonly jitterMs: number;
  }
  /** Connections are accepted and stay open, and no byte goes either way. */
  | { readonly kind: "black hole" };

/** Which answers never arrive. */
export interface DropRule {
  /** Of requests of these kinds. */
  readonly apis: readonly ApiName[];
  /** How many at the most. */
  readonly count: number;
  /** Of each being dropped; default 1. */
  readonly probability?: number;
  /** What becomes of the connection; a kept one lets later answers pass. */
  readonly then: "cut" | "keep";
}

/** A rule in force; disposing of it ends it. */
export interface Drops extends Disposable {
  /** So far. */
  readonly dropped: number;
}

export interface ProxyOptions {
  /** On loopback, as `targetPort`. */
  readonly listenPort: number;
  readonly targetPort: number;
  /** Numbers from 0 up to below 1. */
  readonly random: () => number;
}

interface ActiveDrops extends Drops {
  readonly rule: DropRule;
  dropped: number;
}

export class KafkaProxy implements AsyncDisposable {
  readonly #options: ProxyOptions;
  readonly #listener: Deno.TcpListener;
  readonly #serving: Promise<void>;
  readonly #passages = new Map<Passage, Promise<void>>();
  readonly #drops = new Set<ActiveDrops>();
  #disposed: Promise<void> | undefined;
  #mode: ProxyMode = { kind: "pass" };
  /** Closed while nothing is forwarded. */
  #gate: PromiseWithResolvers<void> | undefined;

  /** @throws {Deno.errors.AddrInUse} */
  constructor(options: ProxyOptions) {
    this.#options = options;
    this.#listener = Deno.listen({
      hostname: "127.0.0.1",
      port: options.listenPort,
    });
    this.#serving = this.#serve();
  }

  get connections(): number {
    return this.#passages.size;
  }

  get mode(): ProxyMode {
    return this.#mode;
  }

  /** Counts for open connections too. */
  set mode(mode: ProxyMode) {
    this.#mode = mode;
    this.#gate?.resolve();
    this.#gate = mode.kind === "black hole"
      ? Promise.withResolvers()
      : undefined;
  }

  /** Closes every open connection; new ones are served. */
  cut(): void {
    for (const passage of this.#passages.keys()) passage.cut();
  }

  drop(rule: DropRule): Drops {
    const drops: ActiveDrops = {
      rule,
      dropped: 0,
      [Symbol.dispose]: () => void this.#drops.delete(drops),
    };
    this.#drops.add(drops);
    return drops;
  }

  /** Passes everything again, and forgets all rules. */
  heal(): void {
    this.mode = { kind: "pass" };
    this.#drops.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#disposed ??= this.#dispose();
  }

  async #dispose(): Promise<void> {
    this.#listener.close();
    this.heal();
    this.cut();
    await this.#serving;
    await Promise.all(this.#passages.values());
  }

  async #serve(): Promise<void> {
    // Iterating ends when the listener is closed.
    for await (const client of this.#listener) {
      const passage = new Passage(client, {
        targetPort: this.#options.targetPort,
        gate: () => this.#gate?.promise,
        delayMs: () => this.#delayMs(),
        fate: (apiKey) => this.#fate(apiKey),
      });
      const done = passage.run().finally(() => this.#passages.delete(passage));
      this.#passages.set(passage, done);
    }
  }

  #delayMs(): number {
    if (this.#mode.kind !== "delay") return 0;
    const { delayMs, jitterMs } = this.#mode;
    return delayMs + jitterMs * this.#options.random();
  }

  #fate(apiKey: number): "pass" | DropRule["then"] {
    for (const drops of this.#drops) {
      const { apis, count, probability = 1, then } = drops.rule;
      if (drops.dropped >= count) continue;
      if (!apis.some((name) => apiKeys[name] === apiKey)) continue;
      if (this.#options.random() >= probability) continue;
      drops.dropped++;
      return then;
    }
    return "pass";
  }
}
