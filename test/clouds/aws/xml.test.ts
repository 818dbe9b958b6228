import fc from "fast-check";
import { expect, test } from "vitest";
import { at, element, itemsAt, list, parse, put, textAt, write } from "./xml.ts";

// What a document may not hold at all, escaped or not, EC2 does not send.
const text = fc.string({ unit: "grapheme" }).filter((value) => !/[^\P{C}\n]/u.test(value));

test("whatever text is written is read again", () => {
  fc.assert(
    fc.property(text, text, (one, other) => {
      const root = parse(write(element("r", [element("a", one), list("set", [other, [element("b", one)]])])));
      expect(textAt(root, "a")).toBe(one);
      expect(itemsAt(root, "set").map((item) => item.text)).toEqual([other, ""]);
      expect(textAt(itemsAt(root, "set")[1], "b")).toBe(one);
    }),
  );
});

test("attributes, empty elements, entities and what stands before the root are read", () => {
  const root = parse(
    '<?xml version="1.0"?>\n<r xmlns="http://x/"><a/><b>&lt;1 &amp; &#50;&#x33;&quot;</b></r>',
  );
  expect(root.attributes).toBe(' xmlns="http://x/"');
  expect([textAt(root, "a"), textAt(root, "b"), textAt(root, "c", "d")]).toEqual(["", '<1 & 23"', ""]);
  expect(write(root)).toContain('<r xmlns="http://x/"><a></a><b>&lt;1 &amp; 23"</b></r>');
});

test("an element takes the place of the one with its name, or comes last", () => {
  const root = parse("<r><a>1</a><b>2</b></r>");
  put(root, element("a", "3"));
  put(root, element("c", "4"));
  expect(root.children.map(({ name, text }) => `${name}${text}`)).toEqual(["a3", "b2", "c4"]);
  expect(at(root, "a")?.text).toBe("3");
});

test.each(["<a><b></a></b>", "<a>", "not at all"])("%s is no XML, and said to be none", (broken) => {
  expect(() => parse(broken)).toThrow(/no XML/);
});
