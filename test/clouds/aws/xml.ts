/** As much XML as EC2's answers are made of: elements with text or elements, read, changed and written again. */

export interface Element {
  name: string;
  /** Attributes as they stand, with the space before them. */
  attributes: string;
  children: Element[];
  /** Of an element without children. */
  text: string;
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
const plain = (text: string): string =>
  text.replace(
    /&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi,
    (whole, decimal?: string, hex?: string, name?: string) => {
      if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
      if (hex !== undefined) return String.fromCodePoint(parseInt(hex, 16));
      return entities[name!] ?? whole;
    },
  );
const escaped = (text: string): string =>
  text.replace(/[&<>]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign]!);

/** An element to be written; without content an empty one. */
export const element = (name: string, content: string | readonly Element[] = ""): Element =>
  typeof content === "string"
    ? { name, attributes: "", children: [], text: content }
    : { name, attributes: "", children: [...content], text: "" };

/** The text of each item, or its elements. */
export const list = (name: string, items: readonly (string | readonly Element[])[]): Element =>
  element(
    name,
    items.map((item) => element("item", item)),
  );

/** @throws Error when the text is no XML, as moto's page for an error of its own */
export function parse(text: string): Element {
  const top = element("");
  const open = [top];
  const tokens = /<[?!][^>]*>|<(\/?)([\w:.-]+)([^>]*?)(\/?)>|([^<]+)/g;
  for (const [, end, name, attributes = "", empty, words] of text.matchAll(tokens)) {
    const inner = open.at(-1)!;
    if (words !== undefined) inner.text += plain(words);
    else if (end === "/") {
      if (open.pop()!.name !== name) throw new Error(`no XML: </${name}> ends ${inner.name}`);
    } else if (name !== undefined) {
      const made: Element = { name, attributes, children: [], text: "" };
      inner.children.push(made);
      if (empty === "") open.push(made);
    }
  }
  const [root] = top.children;
  if (!root || open.length !== 1) throw new Error(`no XML: ${text.slice(0, 200)}`);
  return root;
}

const written = ({ name, attributes, children, text }: Element): string =>
  `<${name}${attributes}>${children.length > 0 ? children.map(written).join("") : escaped(text)}</${name}>`;

export const write = (root: Element): string => `<?xml version="1.0" encoding="UTF-8"?>\n${written(root)}`;

/** The first element at the path below this one. */
export const at = (from: Element | undefined, ...path: readonly string[]): Element | undefined =>
  path.reduce((inner, name) => inner?.children.find((child) => child.name === name), from);
/** Its text, `""` where there is none. */
export const textAt = (from: Element | undefined, ...path: readonly string[]): string =>
  at(from, ...path)?.text ?? "";
/** The items of the list at the path. */
export const itemsAt = (from: Element | undefined, ...path: readonly string[]): Element[] =>
  at(from, ...path)?.children.filter(({ name }) => name === "item") ?? [];

/** Sets the elements of this name, in the place of the first or at the end. */
export function put(into: Element, child: Element): void {
  const index = into.children.findIndex(({ name }) => name === child.name);
  if (index < 0) into.children.push(child);
  else into.children[index] = child;
}
