/**
 * What the names of our own topics, mirrors' groups and transactional ids begin
 * with. One for a process and all its threads: a drill on clusters that are in
 * use gives its roles one of their own, so that they meet nothing else.
 */
const USUAL = "switchyard";
/** What those of drills begin with. */
export const DRILL_NAMESPACE = "switchyard-drill-";

const VARIABLE = "SWITCHYARD_NAMESPACE";

export const NAMESPACE = named(given());

/** MirrorMaker 2's topics are known by their cluster's alias. */
export const inNamespace = (alias: string): string =>
  NAMESPACE === USUAL ? alias : `${NAMESPACE}-${alias}`;

/** A topic of a drill, and not of one that this process is part of. */
export const isOfOtherDrill = (topic: string): boolean =>
  topic.includes(DRILL_NAMESPACE) &&
  (NAMESPACE === USUAL || !topic.includes(NAMESPACE));

/** An application of others may not be allowed to read it, and needs not to. */
function given(): string {
  const { state } = Deno.permissions.querySync({
    name: "env",
    variable: VARIABLE,
  });
  return state === "granted" ? Deno.env.get(VARIABLE) ?? "" : "";
}

/** @throws {TypeError} for what cannot be part of a name, or would be ours. */
function named(text: string): string {
  if (text === "" || text === USUAL) return USUAL;
  if (text.startsWith(DRILL_NAMESPACE) && /^[a-z0-9-]{1,60}$/.test(text)) {
    return text;
  }
  throw new TypeError(
    `${VARIABLE} is "${text}"; it is set by drills alone`,
  );
}
