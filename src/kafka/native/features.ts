import {
  type Component,
  detectPackageManager,
  installLines,
  type PackageManager,
} from "./packages.ts";

export type KafkaSettings = Readonly<Record<string, string | number | boolean>>;

/** What brings a feature; `null`: part of every librdkafka that we build. */
const BROUGHT_BY: Readonly<Record<string, Component | null>> = {
  ssl: "openssl",
  sasl: null,
  sasl_plain: null,
  sasl_scram: "openssl",
  sasl_oauthbearer: "openssl",
  sasl_gssapi: "sasl",
  oidc: "curl",
  gzip: "zlib",
  zstd: "zstd",
  lz4: null,
  snappy: null,
  plugins: null,
};

/**
 * What the settings ask for and the library was built without, one line each
 * with the way to get it. Values that librdkafka does not know are left to its
 * own check.
 */
export function missingFeatures(
  settings: KafkaSettings,
  features: readonly string[],
  manager: PackageManager | null = detectPackageManager(),
): string[] {
  return neededFeatures(settings)
    .filter(([, feature]) => !features.includes(feature))
    .map(([setting, feature]) => {
      const component = BROUGHT_BY[feature] ?? null;
      const install = component === null
        ? []
        : installLines([component], manager);
      const steps = [...install, "deno task native --force"]
        .map((step) => `\`${step}\``).join(", then ");
      return `${setting} needs ${feature}, which this librdkafka was built without: ${steps}.`;
    });
}

/** Pairs of a setting and the feature that it takes. */
function neededFeatures(settings: KafkaSettings): [string, string][] {
  const value = (name: string) =>
    name in settings ? String(settings[name]).toLowerCase() : undefined;
  const needed: [string, string][] = [];
  const protocol = value("security.protocol") ?? "plaintext";
  if (protocol.endsWith("ssl")) {
    needed.push([`security.protocol=${protocol}`, "ssl"]);
  }
  if (protocol.startsWith("sasl_")) {
    needed.push(...neededBySasl(protocol, value));
  }
  for (const name of ["compression.type", "compression.codec"]) {
    const codec = value(name);
    if (codec && ["gzip", "snappy", "lz4", "zstd"].includes(codec)) {
      needed.push([`${name}=${codec}`, codec]);
    }
  }
  if (value("plugin.library.paths")) {
    needed.push(["plugin.library.paths", "plugins"]);
  }
  return needed;
}

function neededBySasl(
  protocol: string,
  value: (name: string) => string | undefined,
): [string, string][] {
  const name = ["sasl.mechanisms", "sasl.mechanism"]
    .find((it) => value(it) !== undefined);
  // Kerberos is librdkafka's default, which few who leave it out expect.
  const mechanism = name === undefined ? "gssapi" : value(name) ?? "";
  const setting = name === undefined
    ? `security.protocol=${protocol} without sasl.mechanisms (default GSSAPI)`
    : `${name}=${mechanism.toUpperCase()}`;
  switch (mechanism) {
    case "gssapi":
      return [[setting, "sasl_gssapi"]];
    case "plain":
      return [[setting, "sasl_plain"]];
    case "scram-sha-256":
    case "scram-sha-512":
      return [[setting, "sasl_scram"]];
    case "oauthbearer":
      return value("sasl.oauthbearer.method") === "oidc"
        ? [
          [setting, "sasl_oauthbearer"],
          ["sasl.oauthbearer.method=oidc", "oidc"],
        ]
        : [[setting, "sasl_oauthbearer"]];
    default:
      return [];
  }
}
