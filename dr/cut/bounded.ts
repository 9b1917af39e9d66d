/**
 * Runs `work` for each item, at most `limit` at the same time. After a failure
 * no other is begun; those under way are waited for.
 * @throws the first error of `work`.
 */
export async function forEachBounded<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  let isFailed = false;
  let failure: unknown;
  const run = async () => {
    while (next < items.length && !isFailed) {
      try {
        await work(items[next++]!);
      } catch (error) {
        if (!isFailed) failure = error;
        isFailed = true;
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, run));
  if (isFailed) throw failure;
}
