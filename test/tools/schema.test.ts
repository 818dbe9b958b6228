import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { schemaPath, schemaText } from "../../tools/schema.ts";
import { type JsonSchema, sections } from "../../tools/schema/build.ts";
import { settingsPage } from "../../tools/docs/settings.ts";

test("schema/settings.json is current; `npm run schema` makes it so", async () => {
  expect(await readFile(schemaPath, "utf8")).toBe(await schemaText());
});

const leaves = (schema: JsonSchema, path: string): [string, JsonSchema][] =>
  Object.entries(schema.properties ?? {}).flatMap(([name, one]) =>
    one.properties ? leaves(one, `${path}.${name}`) : [[`${path}.${name}`, one] as [string, JsonSchema]],
  );

test("every setting says what it does, and has a row of the page", () => {
  const all = Object.entries(sections).flatMap(([name, schema]) => leaves(schema, name));
  expect(all.length).toBeGreaterThan(50);
  const page = settingsPage();
  for (const [path, { description }] of all) {
    expect(description, path).toMatch(/.{10,}/);
    expect(page, path).toContain(`| \`${path.split(".").slice(1).join(".")}\` `);
  }
});

test("editors complete a pool's backends and tell a key that is not a setting", async () => {
  const file = JSON.parse(await schemaText()) as {
    properties: { config: JsonSchema & { additionalProperties: boolean } };
  };
  const pool = file.properties.config.properties!["muster:pools"]!.additionalProperties as JsonSchema;
  const backend = pool.properties!.backends!.items!.anyOf!.at(-1)!;
  expect(backend.properties!.aws!.properties!.market!.enum).toEqual(["spot", "on-demand"]);
  expect(pool.additionalProperties).toBe(false);
  expect(pool.properties!.idleTimeout!.default).toBe("5m");
  expect(file.properties.config.additionalProperties).toBe(false);
});
