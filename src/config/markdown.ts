/** A paragraph as `deno fmt` lays it out: filled lines of 80 columns. */
export function paragraph(text: string, indent = ""): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (indent.length + longer.length > 80 && line !== "") {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  return `${[...lines, line].join(`\n${indent}`)}\n`;
}

export function list(items: readonly string[]): string {
  return items.map((item) => `- ${paragraph(item, "  ")}`).join("");
}

export function fence(language: string, text: string): string {
  return `\`\`\`${language}\n${text.trimEnd()}\n\`\`\`\n`;
}

/** A table with aligned columns; the first row is its head. */
export function table(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  const widths = head.map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length))
  );
  const line = (cells: readonly string[], pad: string) =>
    `| ${
      cells.map((cell, column) => cell.padEnd(widths[column] ?? 0, pad))
        .join(" | ")
    } |\n`;
  return [
    line(head, " "),
    line(head.map(() => ""), "-"),
    ...body.map((row) => line(row, " ")),
  ].join("");
}
