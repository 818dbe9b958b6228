import { expect, test } from "vitest";
import { ownServer, portOf } from "../../../infra/aws/urls.ts";

test("a port is the one that is written or the scheme's", () => {
  expect(["https://github.com/acme", "http://proxy.acme", "http://proxy.acme:3128"].map(portOf)).toEqual([
    443, 80, 3128,
  ]);
});

test("only a GitHub Enterprise Server may have a private address", () => {
  expect(ownServer("https://github.com/acme")).toEqual([]);
  expect(ownServer("https://acme.ghe.com/acme")).toEqual([]);
  expect(ownServer("https://github.acme.example:8443/acme")).toEqual(["github.acme.example:8443"]);
});
