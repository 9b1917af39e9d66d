/**
 * Where the gateway listens: `0.0.0.0:19092;0.0.0.0:19093=a:9093,b:9093/s:9093`.
 * The second one leads to another listener of the same clusters, as clients with
 * TLS or a login need it.
 */
import { z } from "zod";
import { address, brokerList, type Kind } from "./kinds.ts";

export interface ListenAddress {
  readonly listen: string;
  /** Of each cluster, the primary first; none: those of the settings. */
  readonly brokers: readonly (readonly string[])[];
}

/** Whatever the text is: `gatewayAddresses` says whether it is right. */
export const parseGatewayAddresses = (text: string): ListenAddress[] =>
  text.split(";").map((each) => {
    const [, listen, lists] = /^([^=]*)(?:=(.*))?$/s.exec(each)!;
    return {
      listen: listen!.trim(),
      brokers: lists?.split("/").map((list) =>
        list.split(",").map((it) =>
          it.trim()
        )
      ) ?? [],
    };
  });

function areAddresses(text: string): boolean {
  const addresses = parseGatewayAddresses(text);
  const listens = new Set(addresses.map(({ listen }) => listen));
  return listens.size === addresses.length &&
    addresses.every(({ brokers, listen }) =>
      address.schema.safeParse(listen).success &&
      [0, 2].includes(brokers.length) &&
      brokers.every((list) => brokerList.schema.safeParse(list.join()).success)
    );
}

export const gatewayAddresses: Kind<string> = {
  schema: z.string().refine(areAddresses),
  type: "host:port, semicolon-separated",
  expected: "host:port with a port from 1 to 65,535, several separated by " +
    "semicolons, and =host:port,.../host:port,... after one that leads to " +
    "other brokers, those of the primary first",
  bounds: "ports 1 to 65,535",
  fromText: address.fromText,
};
