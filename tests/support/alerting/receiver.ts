/** Where Alertmanager sends alerts in tests: who is woken, and by what. */
import { z } from "zod";
import { eventually } from "../wait.ts";

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

/** The longest wait, for 10 s, on a machine that does much else. */
const WAIT_MS = 60_000;

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

  /** The first notice of this alert. @throws {Error} where none comes */
  told(
    alert: string,
    status: Notice["status"] = "firing",
  ): Promise<Notice> {
    return eventually(
      () =>
        this.#notices.find((notice) =>
          notice.labels["alertname"] === alert && notice.status === status
        ),
      { what: `told of ${alert}`, timeoutMs: WAIT_MS },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}
