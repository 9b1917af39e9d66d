/** Images without a container engine: Debian's buildah, and a store of our own. */

export class Buildah {
  readonly #options: readonly string[];

  /** @param folder where images are kept, by nobody else */
  constructor(folder: string) {
    this.#options = [
      "--root",
      `${folder}/storage`,
      "--runroot",
      `${folder}/run`,
      "--storage-driver",
      "vfs",
    ];
  }

  /**
   * @returns what it prints
   * @throws {Error} where it fails; what it says of that is on our stderr
   */
  async run(...args: readonly string[]): Promise<string> {
    const { code, stdout } = await this.#start(args, "piped").output();
    if (code !== 0) throw new Error(`buildah ${args[0]} ended with ${code}`);
    return new TextDecoder().decode(stdout).trim();
  }

  /** The same, and it is seen what is going on. */
  async show(...args: readonly string[]): Promise<void> {
    const { code } = await this.#start(args, "inherit").spawn().status;
    if (code !== 0) throw new Error(`buildah ${args[0]} ended with ${code}`);
  }

  async has(image: string): Promise<boolean> {
    const images: { readonly names?: readonly string[] }[] = JSON.parse(
      await this.run("images", "--json"),
    );
    return images.some(({ names = [] }) => names.includes(image));
  }

  /** An image of one layer: that file, or what is in that folder. */
  async make(image: string, source: string, target: string): Promise<void> {
    const container = await this.run("from", "scratch");
    try {
      await this.run("add", container, source, target);
      await this.run("commit", container, image);
    } finally {
      await this.run("rm", container);
    }
  }

  #start(args: readonly string[], stdout: "piped" | "inherit"): Deno.Command {
    return new Deno.Command("buildah", {
      args: [...this.#options, ...args],
      stdin: "null",
      stdout,
      stderr: "inherit",
    });
  }
}
