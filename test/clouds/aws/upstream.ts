/** moto behind the stand-in: calls of the stand-in's own, in the region of the call that they serve. */
import { Ec2Error, type Answer, type Form } from "./query.ts";
import { parse, textAt, type Element } from "./xml.ts";

export interface Upstream {
  /** A call of EC2 as moto answers it, whatever that is. */
  send(region: string, action: string, form: Form): Promise<Answer>;
  /** The same for a caller who needs the answer. @throws Ec2Error with moto's code */
  ask(region: string, action: string, form: Form): Promise<Element>;
  /** A parameter of Systems Manager; null where there is none. */
  parameter(region: string, name: string): Promise<{ value: string; dataType: string } | null>;
}

const signed = (region: string, service: string): string =>
  `AWS4-HMAC-SHA256 Credential=test/20260101/${region}/${service}/aws4_request, SignedHeaders=host, Signature=test`;

export function makeUpstream(url: string): Upstream {
  const send: Upstream["send"] = async (region, action, form) => {
    const body = new URLSearchParams([
      ["Action", action],
      ["Version", "2016-11-15"],
      ...form.map(([name, value]): [string, string] => [name, value]),
    ]);
    const response = await fetch(`${url}/`, {
      method: "POST",
      headers: { authorization: signed(region, "ec2") },
      body,
    });
    return { status: response.status, body: await response.text() };
  };
  return {
    send,
    ask: async (region, action, form) => {
      const { status, body } = await send(region, action, form);
      if (status === 200) return parse(body);
      if (!body.includes("<Code>"))
        throw new Error(`moto's ${action} answers ${status}: ${body.slice(0, 500)}`);
      const error = parse(body).children[0]?.children[0];
      throw new Ec2Error(textAt(error, "Code"), textAt(error, "Message"), status);
    },
    parameter: async (region, name) => {
      const response = await fetch(`${url}/`, {
        method: "POST",
        headers: {
          authorization: signed(region, "ssm"),
          "content-type": "application/x-amz-json-1.1",
          "x-amz-target": "AmazonSSM.GetParameter",
        },
        body: JSON.stringify({ Name: name }),
      });
      if (!response.ok) return null;
      const { Parameter } = (await response.json()) as { Parameter: { Value: string; DataType?: string } };
      return { value: Parameter.Value, dataType: Parameter.DataType ?? "text" };
    },
  };
}
