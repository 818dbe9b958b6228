/** No secret in clear in what the engine keeps, and none at all in the stack's outputs. */
import { violation, type Policy, type Resource } from "./policy.ts";
import { isSecret, isUnknown, walk } from "./values.ts";

/** Shorter texts stand in other values by chance. */
const shortestSecret = 8;

const shapes: readonly { what: string; shape: RegExp }[] = [
  { what: "a private key", shape: /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----/ },
  { what: "a token of GitHub", shape: /\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}/ },
  { what: "an access key of AWS", shape: /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/ },
];

/** What a text says to whoever reads it: user data is written as base64, which hides nothing. */
const readable = (path: string, text: string): string =>
  /(^|\.)userData(Base64)?$/.test(path) ? `${text}\n${Buffer.from(text, "base64").toString("utf8")}` : text;

const everything = (resource: Resource) =>
  [...walk(resource.inputs), ...walk(resource.outputs)].map((one) => ({
    ...one,
    text: readable(one.path, one.text),
  }));

const hiddenTexts = (value: unknown) =>
  [...walk(value)].filter(({ hidden }) => hidden).map(({ text }) => text);

/**
 * What is marked in a resource. Providers mark outputs by their kind (the value of every parameter): one that the program
 * itself asked for in clear is none.
 */
const markedIn = ({ inputs, outputs }: Resource): string[] => {
  const open = new Set([...walk(inputs)].filter(({ hidden }) => !hidden).map(({ text }) => text));
  return [...hiddenTexts(inputs), ...hiddenTexts(outputs).filter((text) => !open.has(text))];
};

/** Whatever is marked somewhere, where the source shows it. */
const markedTexts = (resources: readonly Resource[]): string[] =>
  [...new Set(resources.flatMap(markedIn))].filter(
    (text) => !isUnknown(text) && text.length >= shortestSecret,
  );

export const secretsMarked: Policy = {
  name: "no-secret-in-clear",
  what: "Private keys, tokens and whatever is marked as secret somewhere stand nowhere unmarked.",
  why: "The engine encrypts what is marked; the rest lies in clear in the state, in previews and in logs.",
  scope: "resource",
  check: (resources) => {
    const marked = markedTexts(resources);
    return resources.flatMap((resource) =>
      everything(resource)
        .filter(({ hidden }) => !hidden)
        .flatMap(({ path, text }) => {
          const what =
            shapes.find(({ shape }) => shape.test(text))?.what ??
            (marked.some((known) => text.includes(known)) ? "a value that is secret elsewhere" : null);
          if (what === null) return [];
          return [
            violation(
              resource,
              `has ${what} in clear at ${path}`,
              "pass it as a secret Output, or name the parameter that holds it",
            ),
          ];
        }),
    );
  },
};

const secretPaths = (value: unknown, path: readonly string[] = []): string[] => {
  if (isSecret(value)) return [path.join(".")];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => secretPaths(item, [...path, key]));
};

export const outputsOpen: Policy = {
  name: "no-secret-in-outputs",
  what: "The stack's outputs hold no secret, not even a marked one.",
  why: "Outputs are for other programs and people; a credential belongs in the parameter store.",
  scope: "stack",
  check: (resources) =>
    resources
      .filter(({ type }) => type === "pulumi:pulumi:Stack")
      .flatMap((stack) =>
        secretPaths(stack.outputs).map((path) =>
          violation(stack, `has a secret in its output ${path}`, "put out where it is kept, not what it is"),
        ),
      ),
};
