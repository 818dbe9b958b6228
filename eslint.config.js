// The rules of the house. Every ban says why and what to do instead.
import tseslint from "typescript-eslint";

const ban = (group, message) => ({ group, message });
const imports = (...patterns) => ({ "no-restricted-imports": ["error", { patterns }] });
const calls = (list) => ({ "no-restricted-syntax": ["error", ...list] });

const onlyInDeps =
  "time, randomness and timers come only from deps.ts, so that the manager runs in virtual time";
const nondeterminism = [
  ["CallExpression[callee.object.name='Date'][callee.property.name='now']", "Date.now"],
  ["NewExpression[callee.name='Date'][arguments.length=0]", "new Date()"],
  ["CallExpression[callee.object.name='performance'][callee.property.name='now']", "performance.now"],
  ["CallExpression[callee.object.name='Math'][callee.property.name='random']", "Math.random"],
  ["CallExpression[callee.name=/^(setTimeout|setInterval|setImmediate)$/]", "timers"],
  ["CallExpression[callee.property.name='randomUUID']", "randomUUID"],
  ["CallExpression[callee.name=/^(randomUUID|randomBytes|randomInt)$/]", "crypto randomness"],
  ["CallExpression[callee.object.name='AbortSignal'][callee.property.name='timeout']", "AbortSignal.timeout"],
].map(([selector, what]) => ({ selector, message: `${what} is not for here: ${onlyInDeps}.` }));

const clouds = ban(["**/backends/**"], "GitHub code knows nothing of clouds: go through World and facts.");
const github = ban(["**/github/**"], "A backend knows nothing of GitHub: go through World and facts.");
const infra = ban(
  ["**/infra/**"],
  "agent/ runs on machines that have no Pulumi program: share through protocol.ts, manager-config.ts or manager-host.ts.",
);
const tests = ban(["**/test/**"], "Product code must not need the test rig.");
const cloudInit = ban(
  ["**/cloud-init/**"],
  "Only infra/ renders user data; the manager sends the bytes that infra rendered.",
);
const others = ban(["**/runner/**", "**/cli/**"], "manager and runner share protocol.ts only.");
const io = ban(
  ["node:*", "hono", "hono/*", "@hono/*", "@octokit/*", "pino", "prom-client"],
  "plan, apply and circuit are pure: what they need from outside comes as a fact or an argument.",
);

export default tseslint.config(
  { ignores: ["node_modules/", ".muster/", "test/agent/fixtures/*.mjs"] },
  { files: ["**/*.ts"], extends: [tseslint.configs.recommended] },
  {
    files: ["**/*.ts"],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: false }],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "no-restricted-globals": ["error", { name: "require", message: "This is an ES module." }],
      eqeqeq: ["error", "always", { null: "ignore" }],
    },
  },
  {
    files: ["infra/**"],
    rules: imports(
      ban(
        [
          "**/agent/**",
          "!**/agent/protocol.ts",
          "!**/agent/manager-config.ts",
          "!**/agent/manager-host.ts",
          "!**/agent/aws-tags.ts",
          "!**/agent/leaving",
          "!**/agent/leaving/options.ts",
          // What the manager of this computer would refuse, the program refuses before it makes anything.
          "!**/agent/confinement",
          "!**/agent/confinement/detect.ts",
          "!**/agent/confinement/kind.ts",
        ],
        "infra/ may import of agent/ only the contracts (protocol.ts, manager-config.ts, manager-host.ts, aws-tags.ts, leaving/options.ts) and what tells how this computer confines jobs: the rest runs on machines.",
      ),
      tests,
    ),
  },
  {
    files: ["cloud-init/**"],
    rules: imports(
      ban(["**/agent/**", "**/infra/**"], "cloud-init/ holds pure functions of their arguments."),
      tests,
    ),
  },
  { files: ["agent/**"], rules: { ...imports(infra, cloudInit, tests), ...calls(nondeterminism) } },
  {
    files: ["agent/manager/**"],
    rules: imports(infra, cloudInit, tests, others),
  },
  {
    files: ["agent/runner/**"],
    rules: imports(
      infra,
      cloudInit,
      tests,
      ban(["**/manager/**", "**/cli/**"], "manager and runner share protocol.ts only."),
    ),
  },
  {
    // These verbs run in the checkout only and speak of the stack's settings: they must judge them as the program does.
    files: ["agent/cli/{setup,doctor}/**"],
    rules: imports(
      ban(
        ["**/infra/**", "!**/infra/settings.ts", "!**/infra/schema.ts", "!**/infra/errors.ts"],
        "setup and doctor may import only settings.ts, schema.ts and errors.ts of infra/, which are pure.",
      ),
      cloudInit,
      tests,
    ),
  },
  {
    // The CLI names the verb that was probably meant in the way that the program names settings.
    files: ["agent/cli/unknown.ts"],
    rules: imports(
      ban(["**/infra/**", "!**/infra/nearest.ts"], "Only infra/nearest.ts, which is pure, is shared here."),
      cloudInit,
      tests,
    ),
  },
  // The last entry that fits a file counts alone: each repeats what holds for the whole manager.
  { files: ["agent/manager/github/**"], rules: imports(infra, cloudInit, tests, others, clouds) },
  { files: ["agent/manager/backends/**"], rules: imports(infra, cloudInit, tests, others, github) },
  {
    files: ["agent/manager/{plan,apply,circuit,world,limits,gpus}.ts", "agent/manager/{plan,apply}/**"],
    rules: imports(infra, cloudInit, tests, others, clouds, github, io),
  },
  { files: ["agent/**/deps.ts"], rules: { "no-restricted-syntax": "off" } },
);
