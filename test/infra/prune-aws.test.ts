import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { constantsWrittenOut, pruneAws, withoutErrorClasses } from "../../infra/prune-aws.ts";

test("keys and flags that are constant are written out, so that nothing of them looks like an effect", () => {
  const code = [
    'const _hE = "httpError";',
    "const n0 = 1;",
    "export var One$ = [3, n0, { [_hE]: 400, [other]: 1 }, [64 | 0, 128 | 4]];",
    "const sum = flags | 1;",
  ].join("\n");
  expect(constantsWrittenOut(code)).toBe(
    [
      'const _hE = "httpError";',
      "const n0 = 1;",
      'export var One$ = [3, n0, { "httpError": 400, [other]: 1 }, [64, 132]];',
      "const sum = flags | 1;",
    ].join("\n"),
  );
});

test("a key whose text has quotes or backslashes stays computed", () => {
  const code = 'const _q = "a\\"b";\nexport var One$ = { [_q]: 1 };';
  expect(constantsWrittenOut(code)).toBe(code);
});

test("a service's classes of errors go, its base class stays", () => {
  const base = "_s_registry.registerError(SSMServiceException$, SSMServiceException);";
  const own = "n0_registry.registerError(ParameterNotFound$, ParameterNotFound);";
  expect(withoutErrorClasses(`${base}\n${own}\nexport var x = 1;`)).toBe(`${base}\n\nexport var x = 1;`);
});

/** Asks SSM for a parameter and S3 for an object, both refused by name. */
const source = `
  import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
  import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
  const credentials = { accessKeyId: "a", secretAccessKey: "b" };
  const of = (endpoint) => ({ endpoint, region: "eu-central-1", credentials, maxAttempts: 1, forcePathStyle: true });
  const refused = (call) => call.then(() => null, ({ name, message }) => ({ name, message }));
  exports.ask = async (endpoint) => [
    await refused(new SSMClient(of(endpoint)).send(new GetParameterCommand({ Name: "/a" }))),
    await refused(new S3Client(of(endpoint)).send(new GetObjectCommand({ Bucket: "b", Key: "k" }))),
  ];`;

test("without classes errors keep their names and messages, and the bundle is smaller", async () => {
  const folder = await mkdtemp(join(tmpdir(), "muster-prune-"));
  const bundled = async (errorClasses: boolean) => {
    const path = join(folder, `${errorClasses}.cjs`);
    const { outputFiles } = await build({
      stdin: { contents: source, resolveDir: import.meta.dirname },
      bundle: true,
      minify: true,
      write: false,
      format: "cjs",
      platform: "node",
      mainFields: ["module", "main"],
      plugins: [pruneAws({ errorClasses })],
    });
    await writeFile(path, outputFiles[0]!.contents);
    const { ask } = createRequire(path)(path) as { ask: (endpoint: string) => Promise<unknown> };
    return { ask, bytes: outputFiles[0]!.contents.length };
  };
  const server = createServer((request, response) => {
    request.resume();
    if (request.method === "POST")
      return response.writeHead(400).end('{"__type":"ParameterNotFound","message":"no such parameter"}');
    return response
      .writeHead(404)
      .end("<Error><Code>NoSuchKey</Code><Message>no such object</Message></Error>");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const [whole, pruned] = [await bundled(true), await bundled(false)];
    const answers = [
      { name: "ParameterNotFound", message: "no such parameter" },
      { name: "NoSuchKey", message: "no such object" },
    ];
    expect(await whole.ask(endpoint)).toEqual(answers);
    expect(await pruned.ask(endpoint)).toEqual(answers);
    expect(pruned.bytes).toBeLessThan(whole.bytes - 40_000);
  } finally {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  }
});
