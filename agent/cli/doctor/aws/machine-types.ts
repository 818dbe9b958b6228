/** Whether EC2 offers the machine types in the zones of the stack. Offered is not in stock: that only a launch tells. */
import { blocker, type Finding, ok, warning } from "../finding.ts";
import { zonesIn } from "./account.ts";
import { atAws } from "./facts.ts";

interface Wanted {
  /** For people: `pool arm64 (spot in eu-central-1)`. */
  who: string;
  region: string;
  types: readonly string[];
  zones: readonly string[];
  /** Each of the zones has to have them, since the program makes a machine in each. */
  everywhere: boolean;
}

type Offered = readonly { type: string; zone: string }[];

export const offeredFinding = (
  { who, region, types, zones, everywhere }: Wanted,
  offered: Offered,
): Finding => {
  const zonesOf = (type: string) => offered.filter((one) => one.type === type).map(({ zone }) => zone);
  const lacking = types.map((type) => ({
    type,
    zones: zones.filter((zone) => !zonesOf(type).includes(zone)),
  }));
  const nowhere = lacking.filter((one) => one.zones.length === zones.length).map(({ type }) => type);
  const partly = lacking.filter((one) => one.zones.length > 0 && one.zones.length < zones.length);
  const elsewhere = nowhere
    .map((type) => `${type}: ${[...new Set(zonesOf(type))].sort().join(", ") || `nowhere in ${region}`}`)
    .join("; ");
  const cure = `take other types or zones; offered are ${elsewhere}`;
  if (nowhere.length === types.length)
    return blocker("machine-types", `${who}: ${types.join(", ")} not offered in ${zones.join(", ")}`, cure);
  if (nowhere.length > 0)
    return warning("machine-types", `${who}: ${nowhere.join(", ")} not offered in ${zones.join(", ")}`, cure);
  if (partly.length > 0) {
    const said = `${who}: ${types.join(", ")} in ${zones.join(", ")}, but ${partly.map((one) => `${one.type} not in ${one.zones.join(", ")}`).join("; ")}`;
    return everywhere
      ? blocker(
          "machine-types",
          `${said}, where a fixed machine is to stand`,
          "take another type or other zones",
        )
      : ok("machine-types", said);
  }
  return ok("machine-types", `${who}: ${types.join(", ")} in ${zones.join(", ")}`);
};

export const machineTypesCheck = atAws(async (aws) => {
  const [settings, ports] = [await aws.settings(), await aws.ports()];
  const home = settings.aws.regions[0].name;
  const wanted: Wanted[] = [
    {
      who: "the manager",
      region: home,
      types: [settings.manager.type.name],
      zones: zonesIn(settings, home).slice(0, 1),
      everywhere: true,
    },
    ...Object.entries(settings.pools).flatMap(([pool, { entries }]) =>
      entries.map(({ name, region, types, fixed }) => ({
        who: `pool ${pool} (${name})`,
        region,
        types: types.map((type) => type.name),
        // Fixed machines go from zone to zone.
        zones: zonesIn(settings, region).slice(0, fixed || undefined),
        everywhere: fixed > 0,
      })),
    ),
  ];
  const regions = [...new Set(wanted.map(({ region }) => region))];
  const offered = new Map(
    await Promise.all(
      regions.map(async (region) => {
        const types = wanted.filter((one) => one.region === region).flatMap((one) => one.types);
        return [region, await ports.offered(region, [...new Set(types)])] as const;
      }),
    ),
  );
  return wanted.map((one) => offeredFinding(one, offered.get(one.region) ?? []));
});
