/** Callers by their address. */

/** A dual-stack server shows IPv4 callers as `::ffff:192.0.2.1`. */
export const plainAddress = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, "");

/** Whom a limit counts: an IPv4 address, or the /64 that one IPv6 caller can have all addresses of. */
export function callerOf(address: string): string {
  const plain = plainAddress(address);
  if (!plain.includes(":")) return plain;
  const [head = "", tail] = plain.split("%")[0]!.split("::");
  const groups = (text: string) => text.split(":").filter((group) => group !== "");
  const first = groups(head);
  const rest = tail === undefined ? [] : groups(tail);
  const zeros =
    tail === undefined ? [] : Array<string>(Math.max(0, 8 - first.length - rest.length)).fill("0");
  return `${[...first, ...zeros, ...rest]
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":")}::/64`;
}
