/** AWS as the doctor sees it: questions alone. Each has a time limit and ends as a value or as {@link AwsRefused}. */

/** A call that AWS refused, or that got no answer. */
export class AwsRefused extends Error {
  override readonly name = "AwsRefused";
  /** `GetServiceQuota in eu-central-1`. */
  readonly call: string;
  /** AWS's own code, or the SDK's or the system's name for what happened. */
  readonly code: string;
  /** AWS's sentence, on one line. */
  readonly said: string;
  constructor(call: string, code: string, said: string) {
    super(`${call}: ${code}: ${said}`);
    this.call = call;
    this.code = code;
    this.said = said;
  }
}

/** Who the credentials belong to, as STS says it. */
export interface Identity {
  /** Twelve digits. */
  account: string;
  arn: string;
}

/** A question to IAM: may this user or role do it? */
export interface Simulation {
  /** ARN of the user or role whose policies are judged. */
  source: string;
  actions: readonly string[];
  resources: readonly string[];
  /** Condition keys of the imagined call -> value. */
  context: Readonly<Record<string, string>>;
}
export interface Judged {
  action: string;
  resource: string;
  allowed: boolean;
  /** Condition keys that a policy asks for and the question did not have. */
  missing: readonly string[];
}

/** A machine that is imagined, never made. */
export interface Launch {
  template: { id: string; version: number };
  type: string;
  subnet: string;
}

export interface ManagerMachine {
  id: string;
  /** `running`, `stopped` ... */
  state: string;
  /** Name of the instance profile; null: it has none. */
  profile: string | null;
  /** Of its interfaces that are in use, private and public. */
  addresses: readonly string[];
}

export interface AwsPorts {
  identity(): Promise<Identity>;
  /** Names of the zones that the account may use there. */
  zones(region: string): Promise<string[]>;
  /** Null: there is no such role. */
  roleArn(name: string): Promise<string | null>;
  /** ARN of the profile's role; null: no such profile, or none in it. */
  profileRole(name: string): Promise<string | null>;
  simulate(question: Simulation): Promise<Judged[]>;
  /** The quota's value; null: Service Quotas knows no such quota there. */
  quota(region: string, code: string): Promise<number | null>;
  /** Where of the region the types are offered. */
  offered(region: string, types: readonly string[]): Promise<{ type: string; zone: string }[]>;
  /** Id of the template's image, or `resolve:ssm:PARAMETER` where EC2 did not resolve it; null: it names none. */
  templateImage(region: string, template: Launch["template"]): Promise<string | null>;
  /** `available` and others; null: there is no such image, or not for this account. */
  imageState(region: string, id: string): Promise<string | null>;
  /** RunInstances as a dry run: resolves when EC2 would have launched it. Nothing is ever launched. */
  tryLaunch(region: string, launch: Launch): Promise<void>;
  /** Machines of the stack's manager that are not terminated. @param stack `PROJECT/STACK` */
  managers(region: string, stack: string): Promise<ManagerMachine[]>;
  /** EC2's checks, `ok`, `impaired`, `initializing` ...; null: it does not run. */
  checksOf(region: string, id: string): Promise<{ instance: string; system: string } | null>;
  /** Content of an object; null: there is none. */
  read(bucket: string, key: string, region: string): Promise<string | null>;
}
