/** How long the certificates are valid that the settings name. */
import { X509Certificate } from "node:crypto";
import type { Settings } from "../config/mod.ts";
import type { Metric, Sample } from "../telemetry/metrics.ts";

type Kind = "own" | "authority";

interface CertificateFile {
  readonly cluster: string;
  readonly path: string;
  readonly kind: Kind;
}

/** By librdkafka's properties; what PKCS#12 holds is encrypted. */
const KINDS: Readonly<Record<string, Kind>> = {
  "ssl.certificate.location": "own",
  "ssl.ca.location": "authority",
};
/** Files are read again after this: they are renewed in place. */
const READ_AGAIN_MS = 60_000;

/** Files that cannot be read are left out: librdkafka says what is wrong. */
export class Certificates {
  readonly #files: readonly CertificateFile[];
  /** When each ends, in ms since the epoch. */
  #ends: readonly (readonly [CertificateFile, endMs: number])[] = [];
  #readMs = -Infinity;

  constructor(settings: Pick<Settings, "primary" | "secondary">) {
    this.#files = filesOf(settings);
  }

  metrics(): Metric[] {
    if (performance.now() - this.#readMs >= READ_AGAIN_MS) {
      this.#readMs = performance.now();
      this.#ends = this.#files.flatMap((file) => {
        const endMs = endOf(file);
        return endMs === null ? [] : [[file, endMs] as const];
      });
    }
    const nowMs = Date.now();
    return [{
      kind: "gauge",
      name: "switchyard.certificate_expiry",
      unit: "s",
      help: "Time until a configured certificate ends; below 0: it has ended.",
      samples: this.#ends.map(([{ cluster, path }, endMs]): Sample => [
        { cluster, file: path },
        (endMs - nowMs) / 1000,
      ]),
    }];
  }
}

function filesOf(
  settings: Pick<Settings, "primary" | "secondary">,
): CertificateFile[] {
  const files = new Map<string, CertificateFile>();
  for (const cluster of ["primary", "secondary"] as const) {
    const { consumer, kafka, producer } = settings[cluster];
    for (const properties of [kafka, consumer, producer]) {
      for (const [name, path] of Object.entries(properties)) {
        const kind = KINDS[name];
        if (kind === undefined || typeof path !== "string") continue;
        files.set(`${cluster} ${path}`, { cluster, path, kind });
      }
    }
  }
  return [...files.values()];
}

function endOf({ kind, path }: CertificateFile): number | null {
  try {
    return endOfPem(Deno.readTextFileSync(path), kind);
  } catch {
    return null;
  }
}

const CERTIFICATE =
  /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/**
 * When the certificates of a PEM file end, in ms since the epoch: of a chain the
 * first that does, of authorities the last, since one is enough while they are
 * exchanged. Null: there is none.
 * @throws where one cannot be parsed.
 */
export function endOfPem(pem: string, kind: Kind): number | null {
  const ends = (pem.match(CERTIFICATE) ?? [])
    .map((each) => Date.parse(new X509Certificate(each).validTo));
  if (ends.length === 0) return null;
  return kind === "own" ? Math.min(...ends) : Math.max(...ends);
}
