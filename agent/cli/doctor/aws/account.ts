/** The account: whose credentials these are, the regions, and the role without which there are no spot machines. */
import { blocker, type Finding, ok, warning } from "../finding.ts";
import { atAws, type AwsStackSettings } from "./facts.ts";
import { AwsRefused } from "./ports.ts";

const isExpired = ({ code, said }: AwsRefused) =>
  /^(Expired|RequestExpired|TokenRefreshRequired)/.test(code) || /expired|aws sso login/i.test(said);

const unanswered =
  /^(NoAnswer|TimeoutError|RequestTimeout|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|EPIPE|ETIMEDOUT)$|TIMEOUT|^UND_ERR/;

/** Whether nobody answered; the address may then be wrong as well. */
export const isUnanswered = ({ code }: AwsRefused): boolean => unanswered.test(code);

const logIn =
  "log in as for the AWS CLI: aws configure sso, then export AWS_PROFILE=NAME (or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY); aws sts get-caller-identity tells whether it worked";

const loginFinding = (error: AwsRefused, env: NodeJS.ProcessEnv): Finding => {
  const { code, said } = error;
  const profile = env["AWS_PROFILE"] ? ` --profile ${env["AWS_PROFILE"]}` : "";
  if (isExpired(error))
    return blocker(
      "aws-login",
      `the session of these AWS credentials has expired (${code}: ${said})`,
      `aws sso login${profile}, or fetch new keys as you fetched these`,
    );
  if (code === "CredentialsProviderError")
    return blocker("aws-login", `no AWS credentials are found here: ${said}`, logIn);
  if (isUnanswered(error)) {
    const proxy = ["HTTPS_PROXY", "https_proxy"].some((name) => env[name]);
    return proxy
      ? warning(
          "aws-login",
          `AWS does not answer (${code}: ${said}); the doctor asks it without the proxy that HTTPS_PROXY names`,
          "aws sts get-caller-identity asks through the proxy",
        )
      : blocker(
          "aws-login",
          `AWS does not answer (${code}: ${said})`,
          "look at this computer's network, DNS and firewall, and at the region in muster:aws.region",
        );
  }
  if (/^(InvalidClientTokenId|UnrecognizedClientException)/.test(code))
    return blocker(
      "aws-login",
      `AWS does not know this access key: it was deleted, or is of China's or the government's AWS (${said})`,
      logIn,
    );
  if (/^SignatureDoesNotMatch/.test(code))
    return blocker(
      "aws-login",
      `the secret does not belong to the access key, or this computer's clock is wrong (${said})`,
      logIn,
    );
  return blocker("aws-login", `AWS does not take these credentials: ${code}: ${said}`, logIn);
};

export const awsLoginCheck = atAws(async (aws, { deps }) => {
  try {
    const { account, arn } = await aws.identity();
    return [ok("aws-login", `${arn}, account ${account}`)];
  } catch (error) {
    if (error instanceof AwsRefused) return [loginFinding(error, deps.env)];
    throw error;
  }
});

/** Zones of one region that the stack uses. */
export const zonesIn = (
  { aws: { regions, network } }: AwsStackSettings,
  region: string,
): readonly string[] =>
  network.kind === "existing"
    ? [...new Set(network.subnets.map(({ zone }) => zone))]
    : (regions.find(({ name }) => name === region)?.zones ?? []);

export const regionsCheck = atAws(async (aws, { stack }) => {
  const [settings, ports] = [await aws.settings(), await aws.ports()];
  const look = async (region: string): Promise<Finding> => {
    const wanted = zonesIn(settings, region);
    try {
      const zones = await ports.zones(region);
      const unknown = wanted.filter((zone) => !zones.includes(zone));
      if (unknown.length === 0) return ok("aws-regions", `${region}: ${wanted.join(", ")}`);
      return blocker(
        "aws-regions",
        `${region} has no zone ${unknown.join(", ")} for this account; it has ${zones.join(", ")}`,
        settings.aws.network.kind === "existing"
          ? "write the zones of the subnets as aws ec2 describe-subnets says them: muster:network.subnetIds"
          : `npm run pulumi -- config set --path 'muster:network.zones[0]' ${zones[0] ?? "ZONE"} -s ${stack}, and so on for each zone`,
      );
    } catch (error) {
      if (!(error instanceof AwsRefused)) throw error;
      const { code, said } = error;
      if (code === "UnauthorizedOperation")
        return warning("aws-regions", `${region}: its zones may not be seen: ${said}`, rights);
      // What a region that is not enabled says to credentials that are good elsewhere.
      if (/^(AuthFailure|OptInRequired|UnrecognizedClientException|InvalidClientTokenId)$/.test(code))
        return blocker(
          "aws-regions",
          `${region} is not enabled in this account (${code}: ${said})`,
          `aws account enable-region --region-name ${region} (takes minutes), or take another region`,
        );
      if (isUnanswered(error))
        return blocker(
          "aws-regions",
          `${region} does not answer (${code}: ${said})`,
          "look at the region's name and at this computer's network and DNS",
        );
      return warning("aws-regions", `${region}: ${code}: ${said}`, "run the doctor again");
    }
  };
  return Promise.all(settings.aws.regions.map(({ name }) => look(name)));
});

export const rights = "give these credentials the rights of docs/aws-rights.json";

/** Made once for an account (docs.aws.amazon.com/AWSEC2/latest/UserGuide/service-linked-roles-spot-instance-requests.html). */
const spotRole = "AWSServiceRoleForEC2Spot";
export const makeSpotRole = "aws iam create-service-linked-role --aws-service-name spot.amazonaws.com";

export const spotRoleCheck = atAws(async (aws) => {
  const { pools } = await aws.settings();
  const spot = Object.entries(pools).flatMap(([name, { entries }]) =>
    entries.some(({ market }) => market === "spot") ? [name] : [],
  );
  if (spot.length === 0) return [];
  const ports = await aws.ports();
  try {
    if ((await ports.roleArn(spotRole)) !== null) return [ok("spot-role", `the account has ${spotRole}`)];
  } catch (error) {
    if (!(error instanceof AwsRefused)) throw error;
    return [
      warning(
        "spot-role",
        `whether the account has ${spotRole} is not to be seen: ${error.message}`,
        `${makeSpotRole} makes it, and says "has been taken" where it exists`,
      ),
    ];
  }
  return [
    warning(
      "spot-role",
      `the account has no ${spotRole}, without which no spot machine starts for ${spot.join(", ")}`,
      `the first up of spot machines makes it; where it was deleted since, ${makeSpotRole}`,
    ),
  ];
});
