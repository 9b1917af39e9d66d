/** One way to a cluster, which can be cut without disturbing the others. */
import { KafkaProxy } from "../chaos/proxy.ts";
import type { KafkaCluster, ProxyRoute } from "./kafka_cluster.ts";
import { seededRandom } from "./load.ts";

const random = seededRandom(1);

export class Link implements AsyncDisposable {
  /** `bootstrap.servers` of what shall have this way and no other. */
  readonly servers: string;
  readonly #routes: readonly ProxyRoute[];
  /** None: it is cut. */
  #proxies: readonly KafkaProxy[] = [];

  /** @param way one of the cluster's options. */
  constructor(cluster: KafkaCluster, way: string) {
    this.#routes = cluster.routesOf(way);
    if (this.#routes.length === 0) {
      throw new RangeError(`the cluster has no way ${way}`);
    }
    this.servers = this.#routes
      .map(({ listenPort }) => `127.0.0.1:${listenPort}`).join(",");
    this.heal();
  }

  /** Closes all connections and refuses new ones. */
  async cut(): Promise<void> {
    const proxies = this.#proxies;
    this.#proxies = [];
    await Promise.all(proxies.map((each) => each[Symbol.asyncDispose]()));
  }

  /** As where packets are lost: connections stay open, and no byte arrives. */
  hang(): void {
    this.heal();
    for (const proxy of this.#proxies) proxy.mode = { kind: "black hole" };
  }

  /** Everything passes. */
  heal(): void {
    if (this.#proxies.length === 0) {
      this.#proxies = this.#routes.map((route) =>
        new KafkaProxy({ ...route, random })
      );
    }
    for (const proxy of this.#proxies) proxy.heal();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut();
  }
}
