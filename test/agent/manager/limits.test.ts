import { expect, test } from "vitest";
import { assertLimits, defaultLimits } from "../../../agent/manager/limits.ts";

test("the defaults keep their relations", () => {
  expect(() => assertLimits(defaultLimits)).not.toThrow();
});

test.each([
  { syncLateMs: 89_999 },
  { unknownSettleMs: 60_000 },
  { deadManMs: 90_000 },
  { listPeriodMs: 60_000 },
  { heartbeatMs: 180_000 },
  { journalReserveBytes: 64 * 1024 ** 2 },
  { gpuGraceMs: 30_000 },
  { circuitMsMax: { ...defaultLimits.circuitMsMax, quota: 1 } },
])("%j breaks a relation and says which", (over) => {
  expect(() => assertLimits({ ...defaultLimits, ...over })).toThrow(/limits\.ts: this must hold/);
});
