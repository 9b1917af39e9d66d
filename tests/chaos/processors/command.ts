/** What the test's processor can be told to do, as JSON in a file. */
export type Command =
  /** Throws outside a handler. */
  | { readonly kind: "crash" }
  /** Never comes back with a record of this thread, and holds up nothing else. */
  | { readonly kind: "wait" }
  /** Blocks the thread, past the watchdog, and then goes on. */
  | { readonly kind: "hang"; readonly hangMs: number };
