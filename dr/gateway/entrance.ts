/** One address of the gateway, and the connections that came in by it. */
import { ListenError } from "../../src/telemetry/http_server.ts";
import type { Log } from "../../src/telemetry/log.ts";
import type { ClusterName } from "../state/types.ts";
import { pause } from "../waits.ts";
import { acceptAll } from "./accept.ts";
import { addressText, parseAddress } from "./address.ts";
import { type Census, refusalOf } from "./admission.ts";
import { BrokerRing } from "./broker_ring.ts";
import { connectToFirst } from "./connect.ts";
import { Passage } from "./passage.ts";
import { newTally } from "./tally.ts";
import type {
  AddressStatus,
  GatewayAddress,
  GatewayLimits,
  Refusal,
} from "./types.ts";

/** Between two attempts to reach a broker for one client. */
const AGAIN_MS = 500;

export interface EntranceOptions {
  readonly address: GatewayAddress;
  readonly limits: GatewayLimits;
  readonly active: ClusterName | null;
  /** Of all addresses together. */
  readonly census: Census;
  readonly log: Log;
}

export class Entrance implements AsyncDisposable {
  readonly #options: EntranceOptions;
  readonly #listener: Deno.TcpListener;
  readonly #listen: string;
  readonly #rings: Readonly<Record<ClusterName, BrokerRing>>;
  readonly #tally = newTally();
  readonly #closing = new AbortController();
  /** Aborts when `#active` changes and when this closes. */
  #news = new AbortController();
  readonly #passages = new Map<Passage, ClusterName>();
  /** Whatever must have ended before this is disposed of. */
  readonly #tasks = new Set<Promise<void>>();
  #active: ClusterName | null;

  /** @throws {ListenError} when the address cannot be listened on. */
  constructor(options: EntranceOptions) {
    const { active, address, limits } = options;
    this.#options = options;
    this.#active = active;
    this.#rings = {
      primary: new BrokerRing(address.primary, limits.avoidBrokerMs),
      secondary: new BrokerRing(address.secondary, limits.avoidBrokerMs),
    };
    this.#listener = listenOn(address.listen);
    const { hostname, port } = this.#listener.addr;
    this.#listen = addressText({ hostname, port });
    this.#track(acceptAll(this.#listener, {
      onConnection: (client) => this.#track(this.#serve(client)),
      onError: (error, isFirst) => this.#acceptFailed(error, isFirst),
      signal: this.#closing.signal,
    }));
  }

  /** See `Gateway.setActive`. */
  setActive(cluster: ClusterName | null): void {
    this.#active = cluster;
    this.#tellNews();
    if (cluster === null) return;
    const former = [...this.#passages].filter(([, to]) => to !== cluster)
      .map(([passage]) => passage);
    if (former.length > 0) this.#track(this.#closeSoon(former, cluster));
  }

  status(): AddressStatus {
    const brokers = (["primary", "secondary"] as const).flatMap((cluster) =>
      this.#rings[cluster].status().map((each) => ({ cluster, ...each }))
    );
    const { refused, closed, ...numbers } = this.#tally;
    return {
      listen: this.#listen,
      ...numbers,
      refused: { ...refused },
      closed: { ...closed },
      brokers,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closing.signal.aborted) {
      this.#closing.abort();
      this.#listener.close();
      this.#tellNews();
      for (const passage of this.#passages.keys()) passage.close("stopped");
    }
    await Promise.all(this.#tasks);
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    this.#tally.accepted++;
    if (this.#closing.signal.aborted) {
      this.#refuse(client, "stopped");
      return;
    }
    const { census, limits } = this.#options;
    const { hostname } = client.remoteAddr;
    const refusal = refusalOf({
      total: census.total,
      onAddress: this.#tally.connecting + this.#tally.open,
      fromClient: census.from(hostname),
    }, limits);
    if (refusal !== null) {
      this.#refuse(client, refusal);
      return;
    }
    using _ = census.enter(hostname);
    await this.#lead(client);
  }

  /**
   * To a broker of the active cluster as soon as there is one: whoever is
   * refused comes again later and later, up to ten seconds (librdkafka), and
   * would miss a switch by as much.
   */
  async #lead(client: Deno.TcpConn): Promise<void> {
    const untilMs = performance.now() + this.#options.limits.waitMs;
    this.#tally.connecting++;
    for (;;) {
      const cluster = this.#active;
      const news = this.#news.signal;
      const broker = cluster === null ? null : await this.#dial(cluster, news);
      if (cluster !== null && broker !== null && !news.aborted) {
        this.#tally.connecting--;
        return await this.#forward(client, broker, cluster);
      }
      broker?.close();
      const leftMs = untilMs - performance.now();
      const isClosing = this.#closing.signal.aborted;
      if (isClosing || (leftMs <= 0 && !news.aborted)) {
        this.#tally.connecting--;
        const missing = cluster === null ? "inactive" : "no-broker";
        return this.#refuse(client, isClosing ? "stopped" : missing);
      }
      const pauseMs = cluster === null ? leftMs : Math.min(leftMs, AGAIN_MS);
      await pause(pauseMs, news);
    }
  }

  /** Null: there is none, or the signal has aborted. */
  async #dial(
    cluster: ClusterName,
    signal: AbortSignal,
  ): Promise<Deno.TcpConn | null> {
    const ring = this.#rings[cluster];
    const connected = await connectToFirst(ring.order(performance.now()), {
      timeoutMs: this.#options.limits.connectTimeoutMs,
      signal,
      onFailure: (broker, reason) => this.#failed(cluster, broker, reason),
    });
    if (connected === null) return null;
    this.#connected(cluster, connected.broker);
    return connected.connection;
  }

  async #forward(
    client: Deno.TcpConn,
    broker: Deno.TcpConn,
    cluster: ClusterName,
  ): Promise<void> {
    const { bufferBytes, idleTimeoutMs } = this.#options.limits;
    const passage = new Passage({
      client,
      broker,
      bufferBytes,
      idleTimeoutMs,
      onBytes: (direction, count) => {
        if (direction === "to broker") this.#tally.bytesToBrokers += count;
        else this.#tally.bytesToClients += count;
      },
    });
    this.#passages.set(passage, cluster);
    this.#tally.open++;
    const ending = await passage.run();
    this.#tally.open--;
    this.#tally.closed[ending]++;
    this.#passages.delete(passage);
  }

  async #closeSoon(
    passages: readonly Passage[],
    cluster: ClusterName,
  ): Promise<void> {
    const { switchGraceMs } = this.#options.limits;
    if (switchGraceMs > 0) await pause(switchGraceMs, this.#closing.signal);
    // The former cluster may have become the active one again.
    if (this.#active !== null && this.#active !== cluster) return;
    for (const passage of passages) passage.close("switched");
  }

  #refuse(client: Deno.TcpConn, why: Refusal): void {
    this.#tally.refused[why]++;
    client.close();
  }

  #connected(cluster: ClusterName, broker: string): void {
    if (!this.#rings[cluster].connected(broker)) return;
    this.#options.log.info("gateway connects to a broker again", {
      cluster,
      broker,
    });
  }

  #failed(cluster: ClusterName, broker: string, reason: string): void {
    if (this.#rings[cluster].failed(broker, reason, performance.now())) return;
    this.#options.log.warn("gateway cannot connect to a broker", {
      cluster,
      broker,
      reason,
    });
  }

  #acceptFailed(error: unknown, isFirst: boolean): void {
    this.#tally.acceptErrors++;
    if (!isFirst) return;
    this.#options.log.error("gateway cannot accept connections and goes on", {
      listen: this.#listen,
      error,
    });
  }

  #tellNews(): void {
    const told = this.#news;
    this.#news = new AbortController();
    told.abort();
  }

  #track(task: Promise<void>): void {
    const tracked = task.finally(() => this.#tasks.delete(tracked));
    this.#tasks.add(tracked);
  }
}

function listenOn(listen: string): Deno.TcpListener {
  try {
    return Deno.listen(parseAddress(listen, 0));
  } catch (cause) {
    throw new ListenError(refusalText(listen, cause), { cause });
  }
}

function refusalText(listen: string, cause: unknown): string {
  const where = `the gateway cannot listen on ${listen}: `;
  if (cause instanceof Deno.errors.AddrInUse) {
    return `${where}the port is in use; set GATEWAY_LISTEN to another one`;
  }
  if (cause instanceof Deno.errors.AddrNotAvailable) {
    return `${where}this machine has no such address; set GATEWAY_LISTEN`;
  }
  if (cause instanceof Deno.errors.PermissionDenied) {
    return `${where}permission denied; set GATEWAY_LISTEN to a port of 1024 ` +
      "or above";
  }
  return where + (cause instanceof Error ? cause.message : String(cause));
}
