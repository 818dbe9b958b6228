import { expect, test } from "vitest";
import { parseTarget } from "../../../../agent/manager/github/url.ts";

test.each([
  ["https://github.com/acme", "organization", "https://api.github.com", "/orgs/acme"],
  ["https://github.com/acme/", "organization", "https://api.github.com", "/orgs/acme"],
  ["https://www.github.com/acme/widgets", "repository", "https://api.github.com", "/repos/acme/widgets"],
  ["https://github.com/enterprises/acme", "enterprise", "https://api.github.com", "/enterprises/acme"],
  ["https://acme.ghe.com/widgets", "organization", "https://api.acme.ghe.com", "/orgs/widgets"],
  ["http://github.localhost:81/acme", "organization", "http://api.github.localhost:81", "/orgs/acme"],
  [
    "https://git.acme.example/tools/widgets",
    "repository",
    "https://git.acme.example/api/v3",
    "/repos/tools/widgets",
  ],
  ["http://127.0.0.1:4000/acme/widgets", "repository", "http://127.0.0.1:4000/api/v3", "/repos/acme/widgets"],
])("%s is a %s whose API is at %s%s", (url, kind, api, path) => {
  expect(parseTarget(url)).toMatchObject({ kind, api, path });
});

test.each(["http://github.com/acme", "http://git.acme.example/acme"])(
  "%s would send the token unencrypted",
  (url) => {
    expect(() => parseTarget(url)).toThrow(/unencrypted/);
  },
);

test("the address that is sent to GitHub has no slash at its end", () => {
  expect(parseTarget("https://github.com/acme/widgets/").url).toBe("https://github.com/acme/widgets");
});

test.each([
  ["acme/widgets", "is not a URL"],
  ["ssh://github.com/acme", "neither https nor http"],
  ["https://github.com/", "does not name one place"],
  ["https://github.com/acme/widgets/tree", "does not name one place"],
  ["https://user:secret@github.com/acme", "holds credentials"],
])("%s is refused with what is allowed", (url, why) => {
  expect(() => parseTarget(url)).toThrow(why);
  expect(() => parseTarget(url)).toThrow("https://HOST/OWNER/REPOSITORY");
});
