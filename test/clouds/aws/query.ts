/** A call in the EC2 query protocol: a form with an action, flat names such as `Overrides.1.InstanceType`, a region in its signature. */
import { element, write, type Element } from "./xml.ts";

export type Form = readonly (readonly [name: string, value: string])[];

export interface Call {
  region: string;
  action: string;
  /** Everything of the form but `Action` and `Version`, in the order of the call. */
  form: Form;
}
export interface Answer {
  status: number;
  body: string;
}

/** The value of a name, `undefined` where the call has none. */
export const valueOf = ({ form }: Pick<Call, "form">, name: string): string | undefined =>
  form.find(([known]) => known === name)?.[1];

/** What is below a prefix: `("A.1.B", "A.1.C")` of `A.1` -> `B`, `C`. */
export const below = (form: Form, prefix: string): Form =>
  form.flatMap(([name, value]) =>
    name.startsWith(`${prefix}.`) ? [[name.slice(prefix.length + 1), value] as const] : [],
  );

/** The entries of a numbered list, in the order of their numbers. */
export const listOf = (form: Form, name: string): Form[] => {
  const numbers = below(form, name).map(([rest]) => Number(rest.split(".")[0]));
  return [...new Set(numbers)].sort((a, b) => a - b).map((number) => below(form, `${name}.${number}`));
};

/** The values of a numbered list: `InstanceId.1`, `InstanceId.2`. */
export const valuesOf = (form: Form, name: string): string[] =>
  below(form, name)
    .filter(([rest]) => /^\d+$/.test(rest))
    .map(([, value]) => value);

/** What `Filter.N` says, name -> values. */
export const filtersOf = (form: Form): Map<string, string[]> =>
  new Map(
    listOf(form, "Filter").map((filter) => [
      valueOf({ form: filter }, "Name") ?? "",
      valuesOf(filter, "Value"),
    ]),
  );

/** Service, region of a signed request; null where it is not signed. `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request` */
export const scopeOf = (authorization: string | undefined): { region: string; service: string } | null => {
  const [, region, service] = /Credential=[^/,]+\/\d+\/([\w-]+)\/([\w-]+)\//.exec(authorization ?? "") ?? [];
  return region === undefined || service === undefined ? null : { region, service };
};

/** The HTTP status that EC2 gives with a code; 400 with all others. */
const statuses: Readonly<Record<string, number>> = {
  UnauthorizedOperation: 403,
  DryRunOperation: 412,
  InternalError: 500,
  InternalFailure: 500,
  InsufficientInstanceCapacity: 500,
  RequestLimitExceeded: 503,
  Unavailable: 503,
  ServiceUnavailable: 503,
};

/** An answer that is an error of EC2. */
export class Ec2Error extends Error {
  override readonly name = "Ec2Error";
  readonly code: string;
  readonly status: number;
  constructor(code: string, message: string, status: number = statuses[code] ?? 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

const namespace = ' xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"';

export const asAnswer = ({ code, message, status }: Ec2Error, requestId: string): Answer => {
  const error = element("Error", [element("Code", code), element("Message", message)]);
  const body = element("Response", [element("Errors", [error]), element("RequestID", requestId)]);
  return { status, body: write(body) };
};

/** A successful answer of an action. */
export const answerOf = (action: string, requestId: string, content: readonly Element[]): Answer => ({
  status: 200,
  body: write({
    ...element(`${action}Response`, [element("requestId", requestId), ...content]),
    attributes: namespace,
  }),
});
