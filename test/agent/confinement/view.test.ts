import { describe, expect, it } from "vitest";
import { mountTable } from "../../../agent/confinement/build.ts";
import { parseMounts, type PathKind, type System } from "../../../agent/confinement/system.ts";
import { planView, type ViewOptions } from "../../../agent/confinement/view.ts";

/** A computer with these folders, and files and links among them. */
const computer = (
  folders: readonly string[],
  more: { files?: readonly string[]; links?: Record<string, string>; mounts?: System["mounts"] } = {},
): System => {
  const { files = [], links = {}, mounts = [] } = more;
  const kind = (path: string): PathKind | null =>
    path in links ? "link" : files.includes(path) ? "file" : folders.includes(path) ? "folder" : null;
  return {
    kind,
    link: (path) => links[path]!,
    real: (path) => links[path] ?? (kind(path) === null ? null : path),
    mounts: [{ path: "/", options: ["rw"] }, ...mounts],
  };
};
const plan = (at: System, options: Partial<ViewOptions> = {}) =>
  planView({ machines: "/m", readable: [], hidden: [], ...options }, at);
const optionsOf = (view: ReturnType<typeof plan>, target: string) =>
  view.mounts.filter((mount) => mount.target === target).map(({ options }) => options.join(","));

describe("what a confined job sees", () => {
  it("is the system read-only and its own places; homes, data and /run are not there", () => {
    const view = plan(computer(["/usr", "/etc", "/home/me", "/srv", "/run", "/var", "/root"]));
    expect(optionsOf(view, "/usr")).toEqual(["bind,ro"]);
    expect(optionsOf(view, "/home/runner")).toEqual(["bind,nosuid,nodev"]);
    const targets = view.mounts.map(({ target }) => target);
    for (const path of ["/home/me", "/srv", "/run", "/var", "/root", "/"])
      expect(targets).not.toContain(path);
    expect(view.mounts.find(({ target }) => target === "/proc")?.type).toBe("proc");
  });

  it("has folders or links at /bin and /lib as the system has", () => {
    const view = plan(computer(["/usr", "/lib"], { links: { "/bin": "usr/bin" } }));
    expect(view.links).toContainEqual({ path: "/bin", target: "usr/bin" });
    expect(optionsOf(view, "/lib")).toEqual(["bind,ro"]);
  });

  it("keeps the file that tells how names are resolved, wherever /etc/resolv.conf leads", () => {
    const real = "/run/systemd/resolve/stub-resolv.conf";
    const view = plan(computer(["/etc"], { files: [real], links: { "/etc/resolv.conf": real } }));
    expect(view.files).toContain(real);
    expect(optionsOf(view, real)).toEqual(["bind,ro"]);
  });

  it("shows what is readable, and hides in it what is hidden, in the order of depth", () => {
    const at = computer(["/usr", "/src", "/src/.muster", "/src/tool"], { files: ["/src/secret"] });
    const view = plan(at, { readable: ["/src/tool", "/src"], hidden: ["/src/.muster", "/src/secret"] });
    const targets = view.mounts.map(({ target }) => target);
    expect(targets.indexOf("/src")).toBeLessThan(targets.indexOf("/src/.muster"));
    expect(view.mounts.find(({ target }) => target === "/src/.muster")?.type).toBe("tmpfs");
    expect(view.mounts.find(({ target }) => target === "/src/secret")?.source).toBe("/dev/null");
    expect(targets.filter((target) => target === "/src/tool")).toEqual([]); // it is in /src
  });

  it("shows what is readable in a home that is hidden, and nothing else of that home", () => {
    const at = computer(["/opt", "/opt/home", "/opt/home/sdk"]);
    const view = plan(at, { readable: ["/opt/home/sdk"], hidden: ["/opt/home"] });
    expect(view.mounts.find(({ target }) => target === "/opt/home")?.type).toBe("tmpfs");
    expect(optionsOf(view, "/opt/home/sdk")).toEqual(["bind,ro,X-mount.mkdir"]);
  });

  it("shows what is readable below /tmp in the job's own /tmp", () => {
    const view = plan(computer(["/tmp/copy", "/tmp/copy/.muster"]), {
      readable: ["/tmp/copy"],
      hidden: ["/tmp/copy/.muster"],
    });
    const targets = view.mounts.map(({ target }) => target);
    expect(targets.indexOf("/tmp")).toBeLessThan(targets.indexOf("/tmp/copy"));
    expect(targets.indexOf("/tmp/copy")).toBeLessThan(targets.indexOf("/tmp/copy/.muster"));
  });

  it("does not show what is both readable and hidden", () => {
    const view = plan(computer(["/src"]), { readable: ["/src"], hidden: ["/src"] });
    expect(optionsOf(view, "/src")).toEqual([]);
  });

  it("leaves a system folder alone that is somebody's home, and everything at /", () => {
    const view = plan(computer(["/usr", "/"]), { hidden: ["/", "/usr"] });
    expect(optionsOf(view, "/usr")).toEqual(["bind,ro"]);
  });

  it("repeats the options that a remount without privileges must keep, and makes mounts inside read-only too", () => {
    const mounts = [
      { path: "/opt", options: ["rw", "nosuid", "nodev", "relatime"] },
      { path: "/etc/hosts", options: ["rw", "noexec"] },
    ];
    const view = plan(computer(["/opt", "/etc"], { mounts }));
    expect(optionsOf(view, "/opt")).toEqual(["bind,ro,nosuid,nodev"]);
    expect(optionsOf(view, "/etc")).toEqual(["rbind,ro"]);
    expect(view.within).toEqual([{ target: "/etc/hosts", options: ["noexec"] }]);
  });

  it("takes the machine's places from the agent, with the options of their own mount", () => {
    const mounts = [{ path: "/m", options: ["rw", "noexec"] }];
    const view = plan(computer([], { files: ["/etc/passwd"], mounts }));
    expect(view.mounts).toContainEqual({
      source: "@home",
      target: "/home/runner",
      type: "none",
      options: ["bind", "nosuid", "nodev", "noexec"],
    });
    expect(view.mounts).toContainEqual({
      source: "@passwd",
      target: "/etc/passwd",
      type: "none",
      options: ["bind", "ro", "noexec"],
    });
  });
});

describe("the tables of mounts", () => {
  it("read escaped paths and write them", () => {
    const [mount] = parseMounts("1 2 0:1 / /mnt/a\\040b rw,nosuid - tmpfs x rw\n");
    expect(mount).toEqual({ path: "/mnt/a b", options: ["rw", "nosuid"] });
    const table = mountTable([{ source: "/a b", target: "/c#d", type: "none", options: ["bind"] }], "/top");
    expect(table).toBe("/top /top none bind,ro 0 0\n/a\\040b /top/c\\043d none bind 0 0\n");
  });
});
