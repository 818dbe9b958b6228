/** What is told of instances beyond what moto knows: how they ended, whether lists show them yet, their health, their console. */
import { Ec2Error, filtersOf, valueOf, valuesOf, type Answer, type Call, type Form } from "./query.ts";
import type { Upstream } from "./upstream.ts";
import { at, element, itemsAt, parse, put, textAt, write, type Element } from "./xml.ts";

export type Status = "ok" | "impaired" | "insufficient-data" | "initializing";

/** Codes of StateReason, and EC2's sentence for each. */
const stateReasons = {
  "Client.InstanceInitiatedShutdown": "Instance initiated shutdown",
  "Client.UserInitiatedShutdown": "User initiated shutdown",
  "Client.InternalError": "Client error on launch",
  "Client.VolumeLimitExceeded": "Volume limit exceeded",
  "Server.SpotInstanceTermination": "Spot instance termination",
  "Server.SpotInstanceShutdown": "Spot instance shutdown",
  "Server.ScheduledStop": "Stopped due to scheduled retirement",
  "Server.InternalError": "Internal error on launch",
  "Server.InsufficientInstanceCapacity": "Insufficient capacity to satisfy instance request",
} as const;
export type StateReasonCode = keyof typeof stateReasons;

export interface Instances {
  /** @throws Error where no region that was ever called has it */
  find(id: string): Promise<{ region: string; instance: Element }>;
  end(id: string, state: "terminated" | "stopped", reason: StateReasonCode): Promise<void>;
  powerOff(id: string): Promise<"terminated" | "stopped">;
  launched(region: string, ids: readonly string[]): void;
  pageSize(launches: number): void;
  lagLists(lists: number): void;
  hide(ids: readonly string[]): void;
  show(ids?: readonly string[]): void;
  setStatus(id: string, status: { system?: Status; instance?: Status }): void;
  setConsoleOutput(id: string, text: string): void;
  clear(): void;
  /** Answers of the actions that this is about, by their name. */
  readonly actions: Readonly<Record<string, (call: Call) => Promise<Answer>>>;
}

/** Filters of DescribeInstanceStatus, of which moto knows none: where an instance has what they ask for. */
const statusFilters: Readonly<Record<string, readonly string[]>> = {
  "instance-state-name": ["instanceState", "name"],
  "instance-status.status": ["instanceStatus", "status"],
  "system-status.status": ["systemStatus", "status"],
};

export function makeInstances(upstream: Upstream, regions: ReadonlySet<string>): Instances {
  const reasons = new Map<string, { code: StateReasonCode; final: boolean }>();
  const hidden = new Map<string, { region: string; lists: number }>();
  const statuses = new Map<string, { system?: Status; instance?: Status }>();
  const consoles = new Map<string, string>();
  let lag = 0;
  let page = Infinity;

  const find: Instances["find"] = async (id) => {
    for (const region of regions) {
      const answer = await upstream.ask(region, "DescribeInstances", [
        ["Filter.1.Name", "instance-id"],
        ["Filter.1.Value.1", id],
      ]);
      const [instance] = itemsAt(answer, "reservationSet").flatMap((one) => itemsAt(one, "instancesSet"));
      if (instance) return { region, instance };
    }
    throw new Error(`no instance ${id} in ${[...regions].join(", ") || "any region: none was called yet"}`);
  };
  const end: Instances["end"] = async (id, state, code) => {
    const { region } = await find(id);
    const final = state === "terminated";
    await upstream.ask(region, final ? "TerminateInstances" : "StopInstances", [["InstanceId.1", id]]);
    reasons.set(id, { code, final });
  };

  const describe = async (call: Call): Promise<Answer> => {
    if (valueOf(call, "NextToken") === undefined)
      for (const [id, entry] of hidden)
        if (entry.region === call.region && entry.lists-- <= 0) hidden.delete(id);
    const unseen = valuesOf(call.form, "InstanceId").find((id) => hidden.has(id));
    if (unseen !== undefined)
      throw new Ec2Error("InvalidInstanceID.NotFound", `The instance ID '${unseen}' does not exist`);
    const asked = Number(valueOf(call, "MaxResults") ?? "1000");
    // Whoever names instances gets them all.
    const paged = valuesOf(call.form, "InstanceId").length === 0;
    const form: Form = call.form.filter(([name]) => name !== "MaxResults");
    const most: Form = paged ? [["MaxResults", String(Math.min(page, asked))]] : [];
    const answer = await upstream.send(call.region, call.action, [...form, ...most]);
    if (answer.status !== 200 || (hidden.size === 0 && reasons.size === 0)) return answer;
    const root = parse(answer.body);
    const reservations = at(root, "reservationSet");
    for (const reservation of itemsAt(reservations)) {
      const instances = at(reservation, "instancesSet")!;
      instances.children = instances.children.filter((one) => !hidden.has(textAt(one, "instanceId")));
      for (const one of instances.children) tellReason(one);
    }
    if (reservations)
      reservations.children = reservations.children.filter((one) => itemsAt(one, "instancesSet").length > 0);
    return { ...answer, body: write(root) };
  };
  const tellReason = (instance: Element) => {
    const reason = reasons.get(textAt(instance, "instanceId"));
    if (!reason || !["stopped", "terminated"].includes(textAt(instance, "instanceState", "name"))) return;
    const message = `${reason.code}: ${stateReasons[reason.code]}`;
    put(instance, element("stateReason", [element("code", reason.code), element("message", message)]));
  };

  const status = async (call: Call): Promise<Answer> => {
    const filters = [...filtersOf(call.form)];
    for (const [name] of filters)
      if (!(name in statusFilters))
        throw new Ec2Error(
          "InvalidParameterValue",
          `test/clouds/aws plays no filter ${name} of DescribeInstanceStatus`,
        );
    const form = call.form.filter(([name]) => !name.startsWith("Filter."));
    const root = await upstream.ask(call.region, call.action, form);
    const set = at(root, "instanceStatusSet");
    for (const one of itemsAt(set)) {
      const { system, instance } = statuses.get(textAt(one, "instanceId")) ?? {};
      if (system) put(one, statusOf("systemStatus", system));
      if (instance) put(one, statusOf("instanceStatus", instance));
    }
    if (set)
      set.children = set.children.filter(
        (one) =>
          !hidden.has(textAt(one, "instanceId")) &&
          filters.every(([name, values]) => values.includes(textAt(one, ...statusFilters[name]!))),
      );
    return { status: 200, body: write(root) };
  };
  const statusOf = (name: string, status: Status): Element => {
    const reachability = status === "ok" ? "passed" : status === "impaired" ? "failed" : status;
    const detail = element("item", [element("name", "reachability"), element("status", reachability)]);
    return element(name, [element("status", status), element("details", [detail])]);
  };

  const consoleOutput = async (call: Call): Promise<Answer> => {
    const root = await upstream.ask(call.region, call.action, call.form);
    const text = consoles.get(valueOf(call, "InstanceId") ?? "");
    // EC2 has nothing to show in an instance's first minutes either.
    root.children = root.children.filter(({ name }) => name !== "output");
    if (text !== undefined) put(root, element("output", Buffer.from(text).toString("base64")));
    return { status: 200, body: write(root) };
  };

  /** A person's or a manager's word: it is then the reason, but for what is over. */
  const changed = async (call: Call): Promise<Answer> => {
    const answer = await upstream.send(call.region, call.action, call.form);
    if (answer.status !== 200) return answer;
    for (const id of valuesOf(call.form, "InstanceId")) if (!reasons.get(id)?.final) reasons.delete(id);
    return answer;
  };

  return {
    find,
    end,
    powerOff: async (id) => {
      const { region } = await find(id);
      const answer = await upstream.ask(region, "DescribeInstanceAttribute", [
        ["InstanceId", id],
        ["Attribute", "instanceInitiatedShutdownBehavior"],
      ]);
      const behaviour = textAt(answer, "instanceInitiatedShutdownBehavior", "value");
      const state = behaviour === "terminate" ? "terminated" : "stopped";
      await end(id, state, "Client.InstanceInitiatedShutdown");
      return state;
    },
    launched: (region, ids) => {
      if (lag > 0) for (const id of ids) hidden.set(id, { region, lists: lag });
    },
    pageSize: (launches) => void (page = launches),
    lagLists: (lists) => void (lag = lists),
    hide: (ids) => ids.forEach((id) => hidden.set(id, { region: "", lists: Infinity })),
    show: (ids = [...hidden.keys()]) => ids.forEach((id) => hidden.delete(id)),
    setStatus: (id, given) => void statuses.set(id, given),
    setConsoleOutput: (id, text) => void consoles.set(id, text),
    clear: () => {
      for (const map of [reasons, hidden, statuses, consoles]) map.clear();
      lag = 0;
      page = Infinity;
    },
    actions: {
      DescribeInstances: describe,
      DescribeInstanceStatus: status,
      GetConsoleOutput: consoleOutput,
      StartInstances: changed,
      StopInstances: changed,
      TerminateInstances: changed,
    },
  };
}
