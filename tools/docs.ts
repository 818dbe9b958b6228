/** `npm run docs`: writes the pages that are made of sources. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import { outputsPage } from "./docs/outputs.ts";
import { picture } from "./docs/picture.ts";
import { settingsPage } from "./docs/settings.ts";

const root = join(import.meta.dirname, "..");

/** Path in the checkout -> what it must say. */
export const pages = async (): Promise<Record<string, string>> => {
  const formatted = async (path: string, page: string) => ({
    [path]: await format(page, { ...(await resolveConfig(join(root, path))), filepath: path }),
  });
  return {
    ...(await formatted(
      "docs/outputs.md",
      outputsPage(await readFile(join(root, "infra/outputs.ts"), "utf8")),
    )),
    ...(await formatted("docs/settings.md", settingsPage())),
    "docs/muster.svg": picture(),
  };
};

if (import.meta.main)
  for (const [path, text] of Object.entries(await pages())) {
    await writeFile(join(root, path), text);
    console.log(path);
  }
