import { describe, expect, it } from "vitest";
import { startOptions, UsageError } from "../../../tools/start/options.ts";

const url = "https://github.com/acme/widgets";

describe("the command line of npm start", () => {
  it("uses the simulator unless both address and token are given", () => {
    expect(startOptions([], {})).toEqual({ keep: false, json: false, github: null });
    expect(startOptions([], { GITHUB_URL: url, GITHUB_TOKEN: "t" })?.github).toEqual({ url, token: "t" });
  });

  it("leaves a token that many shells have alone", () => {
    expect(startOptions([], { GITHUB_TOKEN: "t" })?.github).toBeNull();
  });

  it("refuses an address without a token, and what is no address", () => {
    expect(() => startOptions([], { GITHUB_URL: url })).toThrow(
      /GITHUB_TOKEN is empty: set both, or neither/,
    );
    expect(() => startOptions([], { GITHUB_URL: "acme/widgets", GITHUB_TOKEN: "t" })).toThrow(
      /GITHUB_URL is "acme\/widgets": it must be like https:\/\/github.com\/OWNER\/REPOSITORY/,
    );
  });

  it("knows --keep and --json, and refuses the rest with the usage", () => {
    expect(startOptions(["--keep", "--json"], {})).toMatchObject({ keep: true, json: true });
    expect(() => startOptions(["--kep"], {})).toThrow(UsageError);
    expect(() => startOptions(["--kep"], {})).toThrow(/npm start -- \[--keep\]/);
    expect(startOptions(["--help"], {})).toBeNull();
  });
});
