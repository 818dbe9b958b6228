import { expect, test } from "vitest";
import { callerOf, plainAddress } from "../../../../agent/manager/web/address.ts";

test.each([
  ["10.64.0.17", "10.64.0.17"],
  ["::ffff:10.64.0.17", "10.64.0.17"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:db8:1:2::9", "2001:db8:1:2::/64"],
  ["2001:db8::9", "2001:db8:0:0::/64"],
  ["2001:0db8:0000:0000:1::", "2001:db8:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["", ""],
])("limits count %s as %s", (address, caller) => {
  expect(callerOf(address)).toBe(caller);
});

test("an IPv4 address that comes over IPv6 is itself", () => {
  expect(plainAddress("::ffff:10.64.0.17")).toBe("10.64.0.17");
  expect(plainAddress("2001:db8::1")).toBe("2001:db8::1");
});
