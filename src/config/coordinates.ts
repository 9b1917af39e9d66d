import type { Settings } from "./table.ts";

/** Whether outputs are to say which input they come from. */
export function wantsCoordinates(
  { coordinates, guarantee, primary, secondary }: Pick<
    Settings,
    "coordinates" | "guarantee" | "primary" | "secondary"
  >,
): boolean {
  switch (coordinates) {
    case "on":
      return true;
    case "off":
      return false;
    case "auto":
      return guarantee === "exactly-once" && primary.brokers !== null &&
        secondary.brokers !== null;
    default:
      return coordinates satisfies never;
  }
}
