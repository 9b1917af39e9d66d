/** How long the certificates are valid that the settings name. */
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
  #reading: Promise<void> = Promise.resolve();

  /** Begins to read them. */
  constructor(settings: Pick<Settings, "primary" | "secondary">) {
    this.#files = filesOf(settings);
    this.#readAgain();
  }

  /** Resolves when what was begun is read. */
  get read(): Promise<void> {
    return this.#reading;
  }

  /** As they were when they were read last, a minute ago at most. */
  metrics(): Metric[] {
    this.#readAgain();
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

  #readAgain(): void {
    if (performance.now() - this.#readMs < READ_AGAIN_MS) return;
    this.#readMs = performance.now();
    this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    const ends: [CertificateFile, number][] = [];
    for (const file of this.#files) {
      const endMs = await endOf(file);
      if (endMs !== null) ends.push([file, endMs]);
    }
    this.#ends = ends;
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

async function endOf({ kind, path }: CertificateFile): Promise<number | null> {
  try {
    return await endOfPem(await Deno.readTextFile(path), kind);
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
export async function endOfPem(
  pem: string,
  kind: Kind,
): Promise<number | null> {
  // It takes long to load, and most have no certificates.
  const { X509Certificate } = await import("node:crypto");
  const ends = (pem.match(CERTIFICATE) ?? [])
    .map((each) => Date.parse(new X509Certificate(each).validTo));
  if (ends.length === 0) return null;
  return kind === "own" ? Math.min(...ends) : Math.max(...ends);
}
