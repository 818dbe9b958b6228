/** How things are called in policies. */
import { partitionOf } from "../partition.ts";

export const unique = (values: readonly string[]): string[] => [...new Set(values)].sort();

/** One form of ARN for each service. `account` is empty for what is AWS's own or nobody's, such as images. */
export const arns = (region: string) => {
  const partition = partitionOf(region);
  const of = (service: string, resource: string, { at = region, account = "*" } = {}) =>
    `arn:${partition}:${service}:${at}:${account}:${resource}`;
  return {
    ec2: (at: string, resource: string) =>
      of("ec2", resource, { at, account: /^image\//.test(resource) ? "" : "*" }),
    parameter: (at: string, name: string) =>
      of("ssm", `parameter/${name.replace(/^\//, "")}`, {
        at,
        account: name.startsWith("/aws/service/") ? "" : "*",
      }),
    bucket: (name: string, key?: string) =>
      `arn:${partition}:s3:::${name}${key === undefined ? "" : `/${key}`}`,
    logs: (group: string) => of("logs", `log-group:${group}:*`),
  };
};
