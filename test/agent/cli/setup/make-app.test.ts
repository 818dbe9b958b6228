/** The whole manifest flow over real HTTP: the command, its page, GitHub's pages, GitHub's API. */
import { createPublicKey } from "node:crypto";
import { request } from "node:http";
import { expect, test } from "vitest";
import { Browser, create, install, makeRig, type SetupRig } from "./rig.ts";

const keyOf = ({ config }: SetupRig) => config.secrets.get("muster:githubAppKey");

test("an App is made with exactly the rights that a repository needs, installed, tried, and stored", async () => {
  const rig = await makeRig();
  const running = rig.run();
  const browser = await rig.page();
  expect(browser.text).toContain("Administration Repository read and write");
  expect(browser.text).toContain("Metadata Repository read");
  expect(browser.text).not.toContain("Actions");
  await create(browser);
  expect(browser.text).toContain("Only select repositories and acme/widgets");
  await install(browser, { repositories: "widgets" });
  const result = await running;
  const [app] = rig.github.control.apps();
  expect(app).toMatchObject({
    name: "muster-local-acme-widgets",
    owner: "acme",
    private: true,
    permissions: { administration: "write", metadata: "read" },
  });
  const { installation } = result.login as { installation: number };
  expect(rig.config.plain["muster:github"]).toEqual({
    url: rig.github.repositoryUrl,
    app: { id: app!.id, installation },
  });
  expect(createPublicKey(keyOf(rig)!).asymmetricKeyType).toBe("rsa");
  expect(result).toMatchObject({
    stack: "local",
    warnings: [],
    missing: [],
    next: "npm run pulumi -- preview -s local",
  });
  expect(JSON.stringify([result, rig.said])).not.toContain("PRIVATE KEY");
});

test("the last page says that it worked, and then the server is gone", async () => {
  const rig = await makeRig({ limits: { lastPageMs: 5_000 } });
  const running = rig.run();
  const browser = await create(await rig.page());
  await install(browser);
  while (browser.text.includes("Waiting") || browser.text.includes("Looking")) await browser.reload();
  expect(browser.text).toContain("GitHub is set up");
  expect(browser.text).toContain("npm run pulumi -- preview -s local");
  await running;
  await expect(browser.reload()).rejects.toThrow("fetch failed");
});

test("an organisation needs one right, and the App is its own", async () => {
  const rig = await makeRig();
  const running = rig.run({ url: rig.github.organizationUrl });
  const browser = await rig.page();
  expect(browser.text).toContain("Self-hosted runners Organization read and write");
  expect(browser.text).not.toContain("Administration");
  await install(await create(browser));
  await running;
  expect(rig.github.control.apps()[0]!.permissions).toEqual({ organization_self_hosted_runners: "write" });
});

test("Actions: read is asked for only where queued runs are the source", async () => {
  const rig = await makeRig();
  rig.config.plain["muster:github"] = { source: "queued-runs" };
  const running = rig.run();
  const browser = await rig.page();
  expect(browser.text).toContain("Actions Repository read");
  await install(await create(browser));
  await running;
  expect(rig.github.control.apps()[0]!.permissions).toMatchObject({ actions: "read" });
  expect(rig.config.plain["muster:github"]).toMatchObject({ source: "queued-runs" });
});

test("a person's repository gets an App of the person", async () => {
  const rig = await makeRig({ users: ["acme"] });
  const running = rig.run();
  const browser = await rig.page();
  expect(browser.text).toContain("the personal account");
  await browser.press("Continue at GitHub");
  expect(new URL(browser.url).pathname).toBe("/settings/apps/new");
  await install(await browser.press("Create GitHub App"));
  const { login } = await running;
  expect((login as { settings: string }).settings).toMatch(/\/settings\/apps\/muster-local-acme-widgets$/);
});

test("where GitHub does not tell whose account it is, the person chooses", async () => {
  const rig = await makeRig({ users: ["somebody"] });
  rig.github.control.setFault({ kind: "status", on: "rest.account", status: 401 });
  const running = rig.run();
  const browser = await rig.page();
  expect(browser.text).toContain("acme is my own account");
  await browser.press("acme is an organisation");
  await install(await browser.press("Create GitHub App"));
  await running;
});

test("a person's account and an unknown one are refused before a page is opened", async () => {
  const rig = await makeRig({ users: ["acme"] });
  await expect(rig.run({ url: rig.github.organizationUrl })).rejects.toThrow("give a repository");
  await expect(rig.run({ url: `${rig.github.url}/nobody/widgets` })).rejects.toThrow(
    "no account named nobody",
  );
  expect(rig.config.calls).toEqual([]);
});

test("an enterprise has no Apps: the token is named", async () => {
  const rig = await makeRig();
  await expect(rig.run({ url: `${rig.github.url}/enterprises/acme` })).rejects.toThrow(
    /classic token with manage_runners:enterprise.*muster setup --token/,
  );
});

test("an answer with a wrong state changes nothing, and the right one still works", async () => {
  const rig = await makeRig();
  const running = rig.run();
  const browser = await rig.page();
  const forged = new URL("/created?code=abc&state=forged", browser.url).href;
  const stranger = await new Browser().open(forged);
  expect([stranger.status, stranger.text]).toEqual([403, expect.stringContaining("does not belong")]);
  expect((await new Browser().open(new URL("/created?code=abc", browser.url).href)).status).toBe(403);
  expect(rig.github.control.calls()["rest.manifest-conversion"]).toBeUndefined();
  // Said once, however often it is tried.
  expect(rig.said.filter((line) => line.includes("foreign state was refused"))).toHaveLength(1);
  await install(await create(browser));
  await running;
});

test("a code that comes back twice is exchanged once", async () => {
  const rig = await makeRig();
  const running = rig.run();
  const browser = await rig.page();
  await browser.press("Continue at GitHub");
  let back = "";
  const open = browser.open.bind(browser);
  browser.open = async (url, init) => {
    if (url.includes("/created?")) back = url;
    return open(url, init);
  };
  await browser.press("Create GitHub App");
  await new Browser().open(back);
  await new Browser().open(back.replace(/code=\w+/, "code=another"));
  await install(browser);
  await running;
  expect(rig.github.control.calls()["rest.manifest-conversion"]).toBe(1);
});

/** fetch does not let a Host header be set. */
const statusOf = (url: string, method: string, headers: Record<string, string>) =>
  new Promise<number>((resolve, reject) => {
    const call = request(url, { method, headers }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    });
    call.on("error", reject).end();
  });

test("the page is only for its link, its own host, and its own forms", async () => {
  const rig = await makeRig();
  const running = rig.run();
  const { url, headers } = await rig.page();
  const root = new URL("/", url).href;
  expect((await new Browser().open(root)).status).toBe(404);
  expect(await statusOf(url, "GET", { host: "evil.example" })).toBe(403);
  expect(await statusOf(`${url}/cancel`, "POST", { origin: "https://evil.example" })).toBe(403);
  expect(await statusOf(`${url}/cancel`, "POST", { "sec-fetch-site": "cross-site" })).toBe(403);
  expect(await statusOf(`${url}/cancel`, "GET", {})).toBe(404);
  expect(await statusOf(url, "POST", {})).toBe(405);
  const policy = headers.get("content-security-policy")!;
  expect(policy).toContain("default-src 'self'");
  expect(policy).toContain(`form-action 'self' ${rig.github.url}`);
  expect(policy).toContain("frame-ancestors 'none'");
  expect(headers.get("referrer-policy")).toBe("no-referrer");
  expect(headers.get("cache-control")).toBe("no-store");
  rig.stop.abort();
  await expect(running).rejects.toThrow("interrupted; no App was made");
});

test("cancelling in the browser ends it, and nothing is stored", async () => {
  const rig = await makeRig({ limits: { lastPageMs: 5_000 } });
  const running = rig.run();
  const browser = await rig.page();
  const cancelled = browser.press("Cancel");
  await expect(running).rejects.toThrow("cancelled in the browser; no App was made");
  expect((await cancelled).text).toContain("cancelled in the browser");
  expect(rig.config.calls).toEqual([]);
});

test("a browser that never comes back ends it when its time is up", async () => {
  const rig = await makeRig({ limits: { pageMs: 50, lastPageMs: 0 } });
  await expect(rig.run()).rejects.toThrow("nobody came back from GitHub");
  expect(rig.config.calls).toEqual([]);
});

test("when GitHub is down the moment the code comes, the page offers to try again", async () => {
  const rig = await makeRig();
  const running = rig.run();
  const browser = await rig.page();
  const fault = rig.github.control.setFault({ kind: "reset", on: "rest.manifest-conversion" });
  await create(browser);
  expect(browser.text).toContain("GitHub did not answer");
  expect(keyOf(rig)).toBeUndefined();
  rig.github.control.clearFaults(fault);
  await browser.press("Try again");
  await install(browser);
  await running;
  expect(keyOf(rig)).toContain("PRIVATE KEY");
});

test("a lost answer uses the code up: the cure is named, and nothing is stored", async () => {
  const rig = await makeRig({ limits: { lastPageMs: 5_000 } });
  const running = rig.run();
  const browser = await rig.page();
  rig.github.control.setFault({ kind: "lost-answer", on: "rest.manifest-conversion", count: 1 });
  await Promise.all([
    create(browser),
    expect(running).rejects.toThrow(
      /an answer may have been lost.*delete it.*\/organizations\/acme\/settings\/apps.*again/,
    ),
  ]);
  expect(browser.text).toContain("an answer may have been lost");
  expect(rig.config.calls).toEqual([]);
});

test("what was made is stored before the installation; a second run goes on with it", async () => {
  const rig = await makeRig();
  const first = rig.run();
  await create(await rig.page());
  rig.stop.abort();
  await expect(first).rejects.toThrow(/stored: the same command again goes on/);
  const [app] = rig.github.control.apps();
  expect(rig.config.plain["muster:github"]).toEqual({ url: rig.github.repositoryUrl, app: { id: app!.id } });
  expect(keyOf(rig)).toContain("PRIVATE KEY");

  const again = await makeRig();
  Object.assign(again.config, { plain: rig.config.plain, secrets: rig.config.secrets });
  const second = again.run({ url: rig.github.repositoryUrl });
  const browser = await again.page();
  expect(again.said.join()).toContain("of an earlier set-up is not installed yet");
  await install(browser);
  expect((await second).login).toMatchObject({ id: app!.id });
  expect(rig.github.control.apps()).toHaveLength(1);
});

test("GitHub down while the installation is waited for only delays it", async () => {
  const rig = await makeRig();
  const running = rig.run();
  const browser = await create(await rig.page());
  const fault = rig.github.control.setFault({ kind: "status", on: "rest.app*", status: 503 });
  while (!browser.text.includes("no useful answer")) await browser.reload();
  rig.github.control.clearFaults(fault);
  await install(browser);
  await running;
});

test("an installation that does not cover the repository, or lacks a right, is told until it is mended", async () => {
  const rig = await makeRig({
    repositories: [
      { owner: "acme", name: "widgets" },
      { owner: "acme", name: "other" },
    ],
  });
  const running = rig.run();
  const browser = await create(await rig.page());
  await install(browser, { repositories: "other" });
  while (!browser.text.includes("does not cover acme/widgets")) await browser.reload();
  expect(browser.link("/settings/installations/")).toContain(rig.github.url);
  const [app] = rig.github.control.apps();
  rig.github.control.installApp(app!.id, { account: "acme", permissions: { metadata: "read" } });
  while (!browser.text.includes('lacks "Administration: read and write"')) await browser.reload();
  rig.github.control.installApp(app!.id, { account: "acme", suspended: true });
  while (!browser.text.includes("is suspended")) await browser.reload();
  rig.github.control.installApp(app!.id, { account: "acme" });
  await running;
  expect(new Set(rig.said).size).toBe(rig.said.length);
});

test("an App that was made in another account is named with the cure", async () => {
  const rig = await makeRig({ users: ["somebody"] });
  rig.github.control.setFault({ kind: "status", on: "rest.account", status: 401 });
  const running = rig.run();
  const browser = await rig.page();
  await browser.press("acme is my own account");
  await Promise.all([
    browser.press("Create GitHub App"),
    expect(running).rejects.toThrow(/made in the account somebody.*Delete it .*\/settings\/apps\/.*--force/),
  ]);
});

test("a port that is taken is named", async () => {
  const rig = await makeRig();
  const taken = Number(new URL(rig.github.url).port);
  await expect(rig.run({ way: { kind: "make-app", port: taken } })).rejects.toThrow(`port ${taken}`);
});

test("names of GitHub cannot break out of the page", async () => {
  const rig = await makeRig();
  const running = rig.run();
  const browser = await rig.page();
  await browser.press("Continue at GitHub");
  await browser.press("Create GitHub App", { name: '<b onclick="x">A' });
  expect(browser.html).not.toContain("<b onclick");
  expect(browser.text).toContain('<b onclick="x">A is created');
  await install(browser);
  await running;
});
