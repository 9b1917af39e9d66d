/** Where clients of both clusters begin. */
export {
  type BrokerIds,
  brokerIdsProblem,
  checkBrokerIds,
  judgeBrokerIds,
} from "./broker_ids.ts";
export { Gateway, type GatewayOptions } from "./gateway.ts";
export type * from "./types.ts";
export { DEFAULT_LIMITS } from "./types.ts";
