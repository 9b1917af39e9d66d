/**
 * Rotel, a real collector: it takes OTLP by gRPC and HTTP, with a decoder that is
 * not ours, and prints the spans that it got.
 */
import { freePorts } from "./free_port.ts";
import { type GuardedProcess, startGuarded } from "./guarded_process.ts";
import { LineProcess } from "./line_process.ts";
import { needingTest } from "./needs.ts";
import type { OtlpSpan, ResourceOf } from "./otlp_receiver.ts";
import { RotelText } from "./rotel_text.ts";
import { eventually } from "./wait.ts";

/** Where `.ci/run` puts it; it is PyPI's package of the real program. */
const FOLDER = new URL("../../.cache/rotel", import.meta.url).pathname;
const PROGRAM = `${FOLDER}/packages/rotel/rotel-agent`;
const INSTALL = `python3 -m venv ${FOLDER} && ${FOLDER}/bin/pip install ` +
  `--target ${FOLDER}/packages rotel==0.0.1a15`;

/**
 * Registers a test that needs it.
 * @param lacks what else is missing for the test, and how to install it.
 */
export function rotelTest(
  name: string,
  test: () => Promise<void>,
  lacks?: string,
): void {
  const ours = isThere()
    ? undefined
    : `rotel is missing; install it with: ${INSTALL}`;
  needingTest(lacks ?? ours, name, test);
}

function isThere(): boolean {
  try {
    return Deno.statSync(PROGRAM).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

export type Protocol = "grpc" | "http/protobuf";

export class Rotel implements AsyncDisposable {
  static async start(): Promise<Rotel> {
    const [grpc, http] = freePorts(2) as [number, number];
    const folder = await Deno.makeTempDir({ prefix: "switchyard-rotel-" });
    const process = startGuarded([
      PROGRAM,
      "start",
      "--pid-file",
      `${folder}/pid`,
      "--log-file",
      `${folder}/log`,
      "--exporter",
      "blackhole",
      "--debug-log",
      "traces",
      "--debug-log-verbosity",
      "detailed",
      "--otlp-grpc-endpoint",
      `127.0.0.1:${grpc}`,
      "--otlp-http-endpoint",
      `127.0.0.1:${http}`,
    ]);
    const rotel = new Rotel(process, folder, {
      grpc,
      "http/protobuf": http,
    });
    for (const port of [grpc, http]) {
      await eventually(async () => {
        using _ = await Deno.connect({ hostname: "127.0.0.1", port });
        return true;
      }, { what: "collector ready" });
    }
    return rotel;
  }

  readonly #process: LineProcess;
  readonly #ports: Readonly<Record<Protocol, number>>;
  readonly #text = new RotelText();

  private constructor(
    process: GuardedProcess,
    folder: string,
    ports: Readonly<Record<Protocol, number>>,
  ) {
    this.#ports = ports;
    this.#process = new LineProcess({
      process,
      folder,
      onLine: (line) => this.#text.take(line),
      onComplaint: () => {},
    });
  }

  /** For a process that is to export to it. */
  environment(protocol: Protocol): Readonly<Record<string, string>> {
    return {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${this.#ports[protocol]}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_TRACES_SAMPLER: "always_on",
      // So that little is left for the last export, which has a deadline.
      OTEL_BSP_SCHEDULE_DELAY: "200",
    };
  }

  /** Ends it; all that it has got. */
  async spans(): Promise<readonly ResourceOf<OtlpSpan>[]> {
    await this.#process.end("SIGTERM");
    return this.#text.spans;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#process[Symbol.asyncDispose]();
  }
}
