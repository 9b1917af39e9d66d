/** Who may come in. */
import type { ClusterName } from "../state/types.ts";
import type { GatewayLimits, Refusal } from "./types.ts";

/** Connections that are there already, in both states. */
export interface Presence {
  readonly total: number;
  readonly onAddress: number;
  readonly fromClient: number;
}

export type Admission =
  | { readonly kind: "admit"; readonly to: ClusterName }
  | { readonly kind: "refuse"; readonly why: Refusal };

export function admission(
  active: ClusterName | null,
  presence: Presence,
  limits: GatewayLimits,
): Admission {
  const refuse = (why: Refusal): Admission => ({ kind: "refuse", why });
  if (active === null) return refuse("inactive");
  if (presence.total >= limits.connections) return refuse("full");
  if (presence.onAddress >= limits.connectionsPerAddress) {
    return refuse("address-full");
  }
  if (presence.fromClient >= limits.connectionsPerClient) {
    return refuse("client-full");
  }
  return { kind: "admit", to: active };
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
