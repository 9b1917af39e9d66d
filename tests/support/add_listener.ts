/** One listener more for a broker that runs without it. */
import { freePorts } from "./free_port.ts";
import type { KafkaCluster } from "./kafka_cluster.ts";

export interface NewListener {
  /** In capitals. */
  readonly name: string;
  readonly host: string;
  readonly protocol: "SSL" | "SASL_PLAINTEXT";
  /** Lines of server.properties, behind `listener.name.<name>.`. */
  readonly config: Readonly<Record<string, string>>;
}

/** Restarts the cluster's only broker with it; returns its address. */
export async function addListener(
  { brokers: [broker], folder }: KafkaCluster,
  { config, host, name, protocol }: NewListener,
): Promise<string> {
  const file = `${folder}/broker-${broker!.nodeId}.properties`;
  const [port] = freePorts(1);
  const address = `${host}:${port}`;
  const properties = await Deno.readTextFile(file);
  await Deno.writeTextFile(
    file,
    properties.replace(/^listeners=.*/m, `$&,${name}://${address}`) + [
      "listener.security.protocol.map=" +
      `PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,${name}:${protocol}`,
      ...Object.entries(config).map(([key, value]) =>
        `listener.name.${name.toLowerCase()}.${key}=${value}`
      ),
    ].join("\n"),
  );
  await broker!.restart();
  return address;
}
