import { expect, it } from "vitest";
import { bootManifest } from "../../agent/boot-manifest.ts";

const sha256 = "0".repeat(64);

it("has a line for each place of a file, in their order", () => {
  const places = ["file:///opt/baked/runner.tar.gz", "https://bucket.example/runner?X-Amz-Signature=1"];
  expect(bootManifest([{ name: "runner.tar.gz", sha256, places }])).toBe(
    `runner.tar.gz ${sha256} ${places[0]}\nrunner.tar.gz ${sha256} ${places[1]}\n`,
  );
});

it("refuses a place that a line cannot hold, and one that nobody would be sure of", () => {
  for (const place of ["/two words", "http://example.com/runner", "/line\nbreak"])
    expect(() => bootManifest([{ name: "agent.mjs", sha256, places: [place] }])).toThrow(/agent\.mjs: /);
  expect(() => bootManifest([{ name: "agent.mjs", sha256: "abc", places: [] }])).toThrow("no SHA-256");
});
