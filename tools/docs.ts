/** `npm run docs`: writes the pages that are made of sources. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import { outputsPage } from "./docs/outputs.ts";
import { picture } from "./docs/picture.ts";

const root = join(import.meta.dirname, "..");

/** Path in the checkout -> what it must say. */
export const pages = async (): Promise<Record<string, string>> => {
  const path = "docs/outputs.md";
  const page = outputsPage(await readFile(join(root, "infra/outputs.ts"), "utf8"));
  const options = await resolveConfig(join(root, path));
  return { [path]: await format(page, { ...options, filepath: path }), "docs/muster.svg": picture() };
};

if (import.meta.main)
  for (const [path, text] of Object.entries(await pages())) {
    await writeFile(join(root, path), text);
    console.log(path);
  }
