/** Today's manager, but for the certificates with which AWS signs: a test has no key of AWS's. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import type { RegionCertificates } from "../../../agent/manager/identity/aws-certificates.ts";

/** @returns the program's file, in `directory` */
export async function managerThatTrusts(certificates: RegionCertificates, directory: string) {
  const { outputFiles } = await build({
    absWorkingDir: join(import.meta.dirname, "../../.."),
    entryPoints: ["agent/manager/main.ts"],
    bundle: true,
    write: false,
    platform: "node",
    format: "esm",
    target: "node24",
    logLevel: "silent",
    banner: { js: 'import{createRequire as __r}from"node:module";const require=__r(import.meta.url);' },
    plugins: [
      {
        name: "certificates",
        setup: ({ onLoad }) =>
          onLoad({ filter: /\/aws-certificates\.ts$/ }, () => ({
            contents: `export const awsCertificates = ${JSON.stringify(certificates)};`,
          })),
      },
    ],
  });
  const { contents } = outputFiles[0]!;
  const path = join(directory, "manager.mjs");
  writeFileSync(path, contents);
  return { path, sha256: createHash("sha256").update(contents).digest("hex") };
}
