/**
 * Reads the spans that Rotel prints:
 *
 *     ResourceSpans #0
 *     Resource attributes:
 *          -> service.name: Str(switchyard)
 *     Span #0
 *         Trace ID       : ed85...
 *     Start time: 1795764796812389893
 *     Attributes:
 *          -> messaging.kafka.offset: Int(0)
 *     Links:
 *     SpanLink #0
 *          -> Trace ID: 22af...
 */
import type { OtlpSpan, ResourceOf } from "./otlp_receiver.ts";

type Values = Record<string, string | number | boolean>;

interface Block {
  readonly fields: Map<string, string>;
  readonly attributes: Values;
  readonly links: Map<string, string>[];
}

const KINDS = [
  "SPAN_KIND_UNSPECIFIED",
  "SPAN_KIND_INTERNAL",
  "SPAN_KIND_SERVER",
  "SPAN_KIND_CLIENT",
  "SPAN_KIND_PRODUCER",
  "SPAN_KIND_CONSUMER",
];
const CODES = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

export class RotelText {
  readonly #blocks: { readonly resource: Values; readonly block: Block }[] = [];
  #resource: Values = {};
  /** Where attributes go. */
  #attributes: Values = {};
  #block: Block | undefined;
  #link: Map<string, string> | undefined;

  get spans(): ResourceOf<OtlpSpan>[] {
    return this.#blocks.map(({ block, resource }) => ({
      resource,
      item: spanOf(block),
    }));
  }

  take(line: string): void {
    if (line.startsWith("ResourceSpans #")) {
      this.#block = this.#link = undefined;
      this.#attributes = this.#resource = {};
    } else if (line.startsWith("Span #")) {
      this.#link = undefined;
      this.#block = { fields: new Map(), attributes: {}, links: [] };
      this.#attributes = this.#block.attributes;
      this.#blocks.push({ resource: this.#resource, block: this.#block });
    } else if (line.startsWith("SpanLink #")) {
      this.#link = new Map();
      this.#block?.links.push(this.#link);
    } else {
      const [, arrow, key, value] = /^ *(-> )?(.+?) *: (.*)$/.exec(line) ?? [];
      if (key === undefined || value === undefined) return;
      if (arrow === undefined) this.#block?.fields.set(key, value);
      else if (this.#link !== undefined) this.#link.set(key, value);
      else this.#attributes[key] = valueOf(value);
    }
  }
}

function spanOf({ attributes, fields, links }: Block): OtlpSpan {
  const field = (name: string) => {
    const value = fields.get(name);
    if (value === undefined) throw new Error(`no ${name} in a span of Rotel`);
    return value;
  };
  return {
    traceId: field("Trace ID"),
    spanId: field("ID"),
    parentSpanId: field("Parent ID"),
    name: field("Name"),
    kind: KINDS.indexOf(field("Kind")),
    startTimeUnixNano: field("Start time"),
    endTimeUnixNano: field("End time"),
    attributes: Object.entries(attributes).map(([key, value]) => ({
      key,
      value: typeof value === "string"
        ? { stringValue: value }
        : typeof value === "boolean"
        ? { boolValue: value }
        : { doubleValue: value },
    })),
    links: links.map((each) => ({
      traceId: each.get("Trace ID")!,
      spanId: each.get("ID")!,
    })),
    status: { code: CODES.indexOf(field("Status code")) },
  };
}

function valueOf(text: string): string | number | boolean {
  const [, type, value] = /^(\w+)\((.*)\)$/.exec(text) ?? [];
  switch (type) {
    case "Str":
      return value!;
    case "Bool":
      return value === "true";
    case "Int":
    case "Double":
      return Number(value);
    default:
      throw new Error(`what Rotel says of a value: ${text}`);
  }
}
