/** What is said in a drill, by file, in a folder that stays only if it fails. */

const encoder = new TextEncoder();

export class DrillFolder implements AsyncDisposable {
  readonly path: string;
  readonly #files = new Map<string, Deno.FsFile>();
  #isKept = false;

  private constructor(path: string) {
    this.path = path;
  }

  static async open(): Promise<DrillFolder> {
    return new DrillFolder(
      await Deno.makeTempDir({ prefix: "switchyard-drill-" }),
    );
  }

  add(name: string, line: string): void {
    const file = this.#files.get(name) ?? Deno.openSync(
      `${this.path}/${name}`,
      { create: true, append: true },
    );
    this.#files.set(name, file);
    const bytes = encoder.encode(`${line}\n`);
    for (let at = 0; at < bytes.length;) {
      at += file.writeSync(bytes.subarray(at));
    }
  }

  keep(): void {
    this.#isKept = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const file of this.#files.values()) file.close();
    this.#files.clear();
    if (!this.#isKept) await Deno.remove(this.path, { recursive: true });
  }
}
