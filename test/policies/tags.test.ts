import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { untaggable } from "../../policies/tags.ts";

const aws = join(import.meta.dirname, "../../node_modules/@pulumi/aws");

test.each([...untaggable])("%s can have no tags, says @pulumi/aws", (type) => {
  const module = type.split(":")[1];
  const declaration = readFileSync(join(aws, `${module}.d.ts`), "utf8");
  expect(declaration).not.toMatch(/^ {4}(readonly )?tags(All)?\??:/m);
});
