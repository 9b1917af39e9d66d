/** What an image weighs. */

const MB = 1e6;

/** Bytes of all files in it; links are not followed. */
function bytesOf(path: string): number {
  const { isDirectory, isFile, size } = Deno.lstatSync(path);
  if (isFile) return size;
  if (!isDirectory) return 0;
  return Deno.readDirSync(path)
    .reduce((sum, { name }) => sum + bytesOf(`${path}/${name}`), 0);
}

/** One line. */
export function sizesOf(root: string): string {
  const parts = {
    "all files": "/",
    Deno: "/usr/local/bin",
    librdkafka: "/usr/local/lib",
    "libraries of Debian": "/usr/lib",
    packages: "/app/node_modules",
    "our code": "/app/src",
    "translated code": "/deno-dir",
  };
  const figures = Object.entries(parts).map(([name, path]) =>
    `${name} ${(bytesOf(root + path) / MB).toFixed(1)} MB`
  );
  return `== sizes: ${figures.join(", ")}`;
}
