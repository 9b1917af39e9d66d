/** Who may come in. */
import type { GatewayLimits, Refusal } from "./types.ts";

/** Connections that are there already, in both states. */
export interface Presence {
  readonly total: number;
  readonly onAddress: number;
  readonly fromClient: number;
}

/** Null: there is room for one more. */
export function refusalOf(
  presence: Presence,
  limits: GatewayLimits,
): Refusal | null {
  if (presence.total >= limits.connections) return "full";
  if (presence.onAddress >= limits.connectionsPerAddress) {
    return "address-full";
  }
  return presence.fromClient >= limits.connectionsPerClient
    ? "client-full"
    : null;
}

/** Counts connections over all addresses. */
export class Census {
  readonly #byClient = new Map<string, number>();
  #total = 0;

  get total(): number {
    return this.#total;
  }

  from(client: string): number {
    return this.#byClient.get(client) ?? 0;
  }

  /** Counts one until the result is disposed of. */
  enter(client: string): Disposable {
    this.#change(client, 1);
    return { [Symbol.dispose]: () => this.#change(client, -1) };
  }

  #change(client: string, by: number): void {
    this.#total += by;
    const count = this.from(client) + by;
    if (count === 0) this.#byClient.delete(client);
    else this.#byClient.set(client, count);
  }
}
