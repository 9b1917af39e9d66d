/** Where Alertmanager sends alerts in tests: who is woken, and by what. */
import { z } from "zod";

const message = z.looseObject({
  receiver: z.string(),
  alerts: z.array(z.looseObject({
    status: z.enum(["firing", "resolved"]),
    labels: z.record(z.string(), z.string()),
    annotations: z.record(z.string(), z.string()),
  })),
});

export interface Notice {
  readonly receiver: string;
  readonly status: "firing" | "resolved";
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export class Receiver implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #notices: Notice[] = [];

  constructor() {
    this.#server = Deno.serve({
      hostname: "127.0.0.1",
      port: 0,
      onListen() {},
    }, async (request) => {
      const { alerts, receiver } = message.parse(await request.json());
      for (const { annotations, labels, status } of alerts) {
        this.#notices.push({ receiver, status, labels, annotations });
      }
      return new Response();
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  /** All so far; what is still firing comes again and again. */
  get notices(): readonly Notice[] {
    return this.#notices;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}
