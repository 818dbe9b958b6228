/**
 * Before the stand-in of AWS, what the doctor asks of other services than EC2 and moto does not know: IAM's simulator and
 * EC2's quotas; and tables of refusals, of any call and of launches as dry runs.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface Refusal {
  status: number;
  code: string;
  message?: string;
  /** So many times; left out: always. */
  times?: number;
}
export interface Front {
  url: string;
  /** Quota code -> vCPUs; null: only the default of AWS is known, which is 0. Others: nobody knows them. */
  quotas: Map<string, number | null>;
  /** Action or target of a call -> what it is refused with. */
  refusals: Map<string, Refusal>;
  /** What a dry run of RunInstances is refused with: by type, subnet or template. */
  launches: Map<string, { code: string; message: string }>;
  /** Whether a principal may; every call is asked for on its own. */
  judge: (question: {
    source: string;
    action: string;
    resource: string;
    context: Record<string, string>;
  }) => boolean;
  /** Actions and targets, in order; `GET /PATH` of S3. */
  calls: string[];
  stop: () => Promise<void>;
}

const entity = (value: string) => value.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
const error = (service: string, { status, code, message = "no" }: Refusal): [number, string] =>
  service === "ec2"
    ? [
        status,
        `<Response><Errors><Error><Code>${code}</Code><Message>${entity(message)}</Message></Error></Errors><RequestID>1</RequestID></Response>`,
      ]
    : service === "servicequotas"
      ? [status, JSON.stringify({ __type: code, message })]
      : [
          status,
          `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${entity(message)}</Message></Error><RequestId>1</RequestId></ErrorResponse>`,
        ];

const members = (form: URLSearchParams, name: string): string[] =>
  [...form].filter(([key]) => new RegExp(`^${name}\\.member\\.\\d+$`).test(key)).map(([, value]) => value);

/** Page by page, since the real one never gives more than a hundred at once. */
const pageSize = 10;

const simulated = (form: URLSearchParams, judge: Front["judge"]): string => {
  const context: Record<string, string> = {};
  for (let index = 1; form.has(`ContextEntries.member.${index}.ContextKeyName`); index += 1) {
    const at = `ContextEntries.member.${index}.ContextKey`;
    context[form.get(`${at}Name`)!] = form.get(`${at}Values.member.1`)!;
  }
  const source = form.get("PolicySourceArn")!;
  const all = members(form, "ActionNames").flatMap((action) =>
    members(form, "ResourceArns").map((resource) => ({ action, resource })),
  );
  const from = Number(form.get("Marker") ?? 0);
  const results = all.slice(from, from + pageSize).map(({ action, resource }) => {
    const decision = judge({ source, action, resource, context }) ? "allowed" : "implicitDeny";
    return `<member><EvalActionName>${action}</EvalActionName><EvalResourceName>${resource}</EvalResourceName><EvalDecision>${decision}</EvalDecision><MissingContextValues/></member>`;
  });
  const more = from + pageSize < all.length;
  return (
    `<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><SimulatePrincipalPolicyResult>` +
    `<IsTruncated>${more}</IsTruncated>${more ? `<Marker>${from + pageSize}</Marker>` : ""}<EvaluationResults>${results.join("")}</EvaluationResults>` +
    `</SimulatePrincipalPolicyResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></SimulatePrincipalPolicyResponse>`
  );
};

const quotaAnswer = (target: string, code: string, quotas: Front["quotas"]): [number, string] => {
  const own = quotas.get(code);
  const value = target.endsWith("GetAWSDefaultServiceQuota") && own === null ? 0 : own;
  return value === undefined || value === null
    ? error("servicequotas", { status: 400, code: "NoSuchResourceException", message: "no such quota" })
    : [200, JSON.stringify({ Quota: { QuotaCode: code, ServiceCode: "ec2", Value: value } })];
};

/** Null: nothing refuses it here. */
const dryRun = (form: URLSearchParams, launches: Front["launches"]): [number, string] | null => {
  const named = ["InstanceType", "SubnetId", "LaunchTemplate.LaunchTemplateId"].map(
    (name) => form.get(name) ?? "",
  );
  const refusal = named.map((name) => launches.get(name)).find((found) => found !== undefined);
  return refusal ? error("ec2", { status: 400, ...refusal }) : null;
};

/** @param upstream where everything else goes */
export const startFront = async (upstream: string): Promise<Front> => {
  const front: Omit<Front, "url" | "stop"> = {
    quotas: new Map(),
    refusals: new Map(),
    launches: new Map(),
    judge: () => true,
    calls: [],
  };
  const played = (
    call: string,
    service: string,
    form: URLSearchParams,
    body: string,
  ): [number, string] | null => {
    const refusal = front.refusals.get(call);
    if (refusal && (refusal.times ?? 1) > 0) {
      if (refusal.times !== undefined) refusal.times -= 1;
      return error(service, refusal);
    }
    if (call === "SimulatePrincipalPolicy") return [200, simulated(form, front.judge)];
    if (service === "servicequotas")
      return quotaAnswer(call, (JSON.parse(body) as { QuotaCode: string }).QuotaCode, front.quotas);
    if (call === "RunInstances" && form.get("DryRun") === "true") return dryRun(form, front.launches);
    return null;
  };
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await text(request);
    const { authorization = "", "x-amz-target": target } = request.headers as Record<string, string>;
    const service = /Credential=[^/]+\/\d+\/[\w-]+\/(\w+)\//.exec(authorization)?.[1] ?? "";
    const form = new URLSearchParams(body);
    const call = target?.split(".").at(-1) ?? form.get("Action") ?? `${request.method} ${request.url}`;
    front.calls.push(form.get("DryRun") === "true" ? `${call} (dry run)` : call);
    const own = played(call, service, form, body);
    if (own) {
      response.writeHead(own[0], {
        "content-type": service === "servicequotas" ? "application/x-amz-json-1.1" : "text/xml",
      });
      response.end(own[1]);
      return;
    }
    const headers = Object.fromEntries(
      Object.entries(request.headers).filter(
        ([name]) => !/^(host|connection|content-length|transfer-encoding|expect)$/.test(name),
      ),
    ) as Record<string, string>;
    const passed = await fetch(`${upstream}${request.url}`, {
      method: request.method!,
      headers,
      ...(body !== "" && { body }),
    });
    response.writeHead(passed.status, { "content-type": passed.headers.get("content-type") ?? "text/xml" });
    response.end(Buffer.from(await passed.arrayBuffer()));
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((problem: Error) => {
      response.writeHead(599).end(problem.message);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(front, {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  });
};
