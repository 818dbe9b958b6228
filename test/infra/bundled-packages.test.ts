/**
 * What runs beside credentials is known by name. A package that is new here, also one that another package brings, fails
 * this test until somebody has looked at it and added it to the list.
 */
import { join } from "node:path";
import { expect, test } from "vitest";
import { bundledPackages } from "../../infra/bundle.ts";

const octokit = [
  ...["auth-app", "auth-oauth-app", "auth-oauth-device", "auth-oauth-user", "auth-token", "core", "endpoint"],
  ...["graphql", "oauth-authorization-url", "oauth-methods", "plugin-paginate-rest", "plugin-request-log"],
  ...[
    "plugin-rest-endpoint-methods",
    "plugin-retry",
    "plugin-throttling",
    "request",
    "request-error",
    "rest",
  ],
].map((name) => `@octokit/${name}`);
const ofOctokit = [
  ...["before-after-hook", "bottleneck", "content-type", "json-with-bigint", "toad-cache"],
  ...["universal-github-app-jwt", "universal-user-agent"],
];
const ofPino = [
  ...[
    "@pinojs/redact",
    "atomic-sleep",
    "on-exit-leak-free",
    "pino-std-serializers",
    "quick-format-unescaped",
  ],
  ...["safe-stable-stringify", "sonic-boom", "thread-stream"],
];
// Reads what AWS signed (agent/manager/identity/cms.ts).
const ofAsn1 = ["asn1js", "pvtsutils", "pvutils"];
const ofPromClient = ["@opentelemetry/api", "bintrees", "tdigest"];

// S3, SSM, CloudWatch and its logs with the credentials of the machine's role.
const ofAws = [
  ...[
    "checksums",
    "client-cloudwatch",
    "client-cloudwatch-logs",
    "client-s3",
    "client-ssm",
    "core",
    "middleware-sdk-s3",
    "nested-clients",
  ].map((name) => `@aws-sdk/${name}`),
  ...["env", "http", "ini", "login", "node", "process", "sso", "web-identity"].map(
    (name) => `@aws-sdk/credential-provider-${name}`,
  ),
  ...["signature-v4-multi-region", "token-providers", "xml-builder"].map((name) => `@aws-sdk/${name}`),
  ...[
    "core",
    "credential-provider-imds",
    "middleware-compression",
    "node-http-handler",
    "signature-v4",
    "types",
  ].map((name) => `@smithy/${name}`),
  ...["@aws/lambda-invoke-store", "bowser"],
];

// EC2 with the credentials of the machine's role.
const ofEc2 = ["@aws-sdk/client-ec2", "@aws-sdk/middleware-sdk-ec2"];
const onlyOfS3 = [...["checksums", "client-s3", "client-ssm", "middleware-sdk-s3"]].map(
  (name) => `@aws-sdk/${name}`,
);
const onlyOfUpdater = [
  "@aws-sdk/client-cloudwatch",
  "@aws-sdk/client-cloudwatch-logs",
  "@smithy/middleware-compression",
];
// IAM with the credentials of whoever runs `up`.
const onlyOfIam = ["@aws-sdk/client-iam"];
const onlyOfRest = ["plugin-paginate-rest", "plugin-request-log", "plugin-rest-endpoint-methods", "rest"].map(
  (name) => `@octokit/${name}`,
);

const allowed = {
  manager: [
    ...["@hono/node-server", "hono", "pino", "prom-client", "zod"],
    ...octokit,
    ...ofOctokit,
    ...ofAsn1,
    ...ofPino,
    ...ofPromClient,
    ...ofEc2,
    ...ofAws.filter((name) => !onlyOfUpdater.includes(name) && !onlyOfS3.includes(name)),
  ].sort(),
  runner: ["zod"],
  updater: [...ofAws, "zod"].sort(),
  // Runs where `destroy` does, with the credentials of whoever runs it.
  leaving: [
    ...ofEc2,
    "zod",
    ...ofAws.filter((name) => !onlyOfUpdater.includes(name)),
    ...octokit.filter((name) => !onlyOfRest.includes(name)),
    ...ofOctokit,
  ].sort(),
  "spot-role": [
    ...onlyOfIam,
    ...ofAws.filter((name) => !onlyOfUpdater.includes(name) && !onlyOfS3.includes(name)),
  ].sort(),
};

test("the bundles that reach machines hold the listed packages and no other", async () => {
  expect(await bundledPackages(join(import.meta.dirname, "../.."))).toEqual(allowed);
});
