import {
  type Coordinates,
  coordinatesFrom,
} from "../../src/pool/coordinates.ts";

/** As a pool writes them. @throws {TypeError} as `coordinatesFrom` */
export const encodeCoordinates = (coordinates: Coordinates): string =>
  coordinatesFrom(coordinates)(
    coordinates.offset,
    coordinates.ordinal,
    coordinates.count,
    coordinates.outputTopic,
  );
