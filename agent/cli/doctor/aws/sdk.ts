/** The questions put to AWS, with the credentials of whoever runs the doctor, found as every tool of AWS finds them. */
import { EC2Client } from "@aws-sdk/client-ec2";
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import * as z from "zod";
import { askEc2 } from "./ask-ec2.ts";
import { askIam } from "./ask-iam.ts";
import { type AskingDeps, byRegion, makeAsking, orNull, refused } from "./asking.ts";
import { type AwsPorts, AwsRefused } from "./ports.ts";
import { signedCall, type SignedCall } from "./signed.ts";

const quotaAnswer = z.object({ Quota: z.object({ Value: z.number() }) });

/** @param home the region for what has none. */
export const connectAws = (home: string, deps: AskingDeps): AwsPorts => {
  const asking = makeAsking(home, deps);
  const { common, asked } = asking;
  const s3 = byRegion((region) => new S3Client({ region, ...common }));
  const signed = async (call: SignedCall): Promise<string> => {
    try {
      return await signedCall(call, new EC2Client({ region: call.region, ...common }), deps);
    } catch (error) {
      throw refused(call.name, error);
    }
  };

  return {
    ...askEc2(asking),
    ...askIam(home, asking),
    identity: async () => {
      const name = `GetCallerIdentity in ${home}`;
      const text = await signed({
        name,
        service: "sts",
        region: home,
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: "Action=GetCallerIdentity&Version=2011-06-15",
      });
      const [account, arn] = ["Account", "Arn"].map((tag) => new RegExp(`<${tag}>([^<]+)<`).exec(text)?.[1]);
      if (account === undefined || arn === undefined)
        throw new AwsRefused(name, "NoAnswer", "the answer names no account");
      return { account, arn };
    },
    quota: async (region, QuotaCode) => {
      const ask = async (action: string) =>
        quotaAnswer.parse(
          JSON.parse(
            await signed({
              name: `${action} in ${region}`,
              service: "servicequotas",
              region,
              headers: {
                "content-type": "application/x-amz-json-1.1",
                "x-amz-target": `ServiceQuotasV20190624.${action}`,
              },
              body: JSON.stringify({ ServiceCode: "ec2", QuotaCode }),
            }),
          ),
        ).Quota.Value;
      const unknown = (error: unknown) => {
        if (error instanceof AwsRefused && error.code === "NoSuchResourceException") return null;
        throw error;
      };
      // An account that never asked for more may have no value of its own.
      return (await ask("GetServiceQuota").catch(unknown)) ?? ask("GetAWSDefaultServiceQuota").catch(unknown);
    },
    read: (Bucket, Key, region) =>
      asked(`reading s3://${Bucket}/${Key}`, async (abortSignal) => {
        const found = await s3(region)
          .send(new GetObjectCommand({ Bucket, Key }), { abortSignal })
          .catch(orNull(/^(NoSuchKey|NoSuchBucket|NotFound)$/));
        return found === null ? null : ((await found.Body?.transformToString()) ?? "");
      }),
  };
};
