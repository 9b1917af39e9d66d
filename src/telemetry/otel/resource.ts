/** Who it is that reports. */
import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import { VERSION } from "../version.ts";

/** What `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` say comes first. */
export function serviceResource(instanceId: string): Resource {
  const own = resourceFromAttributes({
    "service.name": "switchyard",
    "service.instance.id": instanceId,
    "service.version": VERSION,
    "process.pid": Deno.pid,
    "process.runtime.name": "deno",
    "process.runtime.version": Deno.version.deno,
  });
  return defaultResource().merge(own)
    .merge(detectResources({ detectors: [envDetector] }));
}
