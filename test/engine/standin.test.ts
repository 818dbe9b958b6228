/** What the stand-ins refuse by the declarations of the packages. */
import { expect, test } from "vitest";
import { complaints } from "./standin/complaints.ts";
import { Declarations } from "./standin/declarations.ts";
import { awsProvider } from "./standin/aws/provider.ts";
import { unknownValue } from "./standin/values.ts";

const aws = new Declarations("aws");
const of = (token: string, inputs: Record<string, unknown>) => complaints(aws.inputs(token), inputs);

test("a misspelt property is refused with its name and the names that are known", () => {
  const [complaint, ...more] = of("aws:ec2/vpc:Vpc", { cidrBlok: "10.0.0.0/16" });
  expect(more).toEqual([]);
  expect(complaint).toMatchObject({ property: "cidrBlok" });
  expect(complaint!.reason).toContain("cidrBlock");
});

test("a missing property is refused with its name", () => {
  expect(of("aws:ec2/subnet:Subnet", { cidrBlock: "10.0.0.0/20" })).toEqual([
    { property: "vpcId", reason: "is required and missing" },
  ]);
});

test("nested properties are looked at too, in lists and objects", () => {
  const ebs = { volumeSize: 20, volumeTyp: "gp3" };
  const wrong = of("aws:ec2/launchTemplate:LaunchTemplate", {
    blockDeviceMappings: [{ deviceName: "/dev/xvda", ebs }],
    metadataOptions: { httpTokens: ["required"] },
  });
  expect(wrong.map(({ property }) => property)).toEqual([
    "blockDeviceMappings[0].ebs.volumeTyp",
    "metadataOptions.httpTokens",
  ]);
  expect(
    of("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", {
      bucket: "b",
      rules: [{ status: "Enabled" }],
    }),
  ).toEqual([{ property: "rules[0].id", reason: "is required and missing" }]);
});

test("what a preview does not know yet passes, at any depth", () => {
  expect(of("aws:ec2/subnet:Subnet", { vpcId: unknownValue, tags: { Name: unknownValue } })).toEqual([]);
  expect(of("aws:ec2/launchTemplate:LaunchTemplate", { vpcSecurityGroupIds: unknownValue })).toEqual([]);
});

test("every type of the stand-in is declared by the package", () => {
  const { kinds } = awsProvider({ AWS_ENDPOINT_URL: "http://127.0.0.1:1" });
  expect(Object.keys(kinds).length).toBeGreaterThan(30);
  for (const token of Object.keys(kinds)) expect(Object.keys(aws.inputs(token)).length).toBeGreaterThan(0);
});

test("without a test's moto the stand-in does not work: it could make things that cost", () => {
  expect(() => awsProvider({})).toThrow(/AWS_ENDPOINT_URL is not set/);
  expect(() => awsProvider({ AWS_ENDPOINT_URL: "https://ec2.amazonaws.com" })).toThrow(/works only with/);
});
