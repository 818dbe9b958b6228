/** `npm run schema`: writes schema/settings.json, which editors read through the first line of Pulumi.dev.yaml. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import { fileSchema } from "./schema/build.ts";

const root = join(import.meta.dirname, "..");
export const schemaPath = join(root, "schema/settings.json");

/** What the file must say. */
export const schemaText = async (): Promise<string> =>
  format(JSON.stringify(fileSchema()), { ...(await resolveConfig(schemaPath)), filepath: schemaPath });

if (import.meta.main) {
  await writeFile(schemaPath, await schemaText());
  console.log("schema/settings.json");
}
