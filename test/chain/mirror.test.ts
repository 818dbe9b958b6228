/** The runner's mirror against S3's stand-in: what the manager puts there, whoever has the address can fetch. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, HeadObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { pino } from "pino";
import { expect, test, vi } from "vitest";
import { realDeps } from "../../agent/manager/deps.ts";
import { mirrorBucket } from "../../agent/manager/mirror/home.ts";
import { makeMirror } from "../../agent/manager/mirror/mirror.ts";
import { config } from "../agent/manager/worlds.ts";
import { withMoto } from "./with-moto.ts";

const region = "eu-central-1";
withMoto();

test("an archive comes into the bucket whole, and its address gives it back", async () => {
  const directory = mkdtempSync(join(tmpdir(), "muster-mirror-"));
  const bytes = randomBytes(5_000_000);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const github = createServer((_request, response) => response.end(bytes)).listen(0, "127.0.0.1");
  try {
    await once(github, "listening");
    const s3 = new S3Client({ region, forcePathStyle: true });
    const Bucket = "muster-test-cache";
    await s3.send(
      new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: region } }),
    );
    const base = config();
    const manager = { ...base.manager, mirror: { bucket: Bucket, region, prefix: "runner/" } };
    const deps = realDeps(pino({ level: "silent" }));
    const mirror = makeMirror({ bucket: mirrorBucket(() => ({ ...base, manager }), deps), directory, deps });
    const urls = [`http://127.0.0.1:${(github.address() as AddressInfo).port}/runner.tar.gz`];
    const place = await vi.waitFor(
      async () => {
        const [found] = await mirror.places({ version: "2.336.0", sha256, urls });
        expect(found).toBeDefined();
        return found!;
      },
      { timeout: 60_000, interval: 50 },
    );
    const fetched = Buffer.from(await (await fetch(place)).arrayBuffer());
    expect(createHash("sha256").update(fetched).digest("hex")).toBe(sha256);
    const Key = `runner/${sha256}.tar.gz`;
    expect((await s3.send(new HeadObjectCommand({ Bucket, Key }))).ContentLength).toBe(bytes.length);
    s3.destroy();
  } finally {
    github.close();
    rmSync(directory, { recursive: true });
  }
});
