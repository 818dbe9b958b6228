import { describe, expect, test } from "vitest";
import { after } from "./facts.ts";
import { config, now, offer, world } from "./worlds.ts";

describe("settings", () => {
  test("new settings close what new settings can cure, and keep other pauses", () => {
    const open = (reason: "denied" | "no-capacity") =>
      ({ is: "open", untilMs: now + 1, reason, detail: "", trips: 1 }) as const;
    const start = world({ circuits: { "backend:x": open("denied"), "offer:x": open("no-capacity") } });
    const next = after(start, {
      is: "settings-changed",
      config: config(),
      hash: "new",
      offers: {},
      recipes: {},
    });
    expect(Object.keys(next.circuits)).toEqual(["offer:x"]);
  });
});

test("new prices change the offers and nothing else: no pause ends, no boot is forgotten", () => {
  const circuit = { is: "open", untilMs: now + 1, reason: "denied", detail: "", trips: 1 } as const;
  const start = { ...world({ circuits: { "backend:x": circuit } }), boots: { "a/local": [false] } };
  const offers = { a: [offer({ priceMicros: 9 })] };
  expect(after(start, { is: "offers-changed", offers })).toEqual({ ...start, offers });
  expect(after(start, { is: "offers-changed", offers: start.offers })).toBe(start);
});
