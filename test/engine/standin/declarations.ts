/**
 * What a Pulumi package declares of its resource types, read from its own `.d.ts` files: names, which of them must be
 * given, and the form of values. A misspelt property passes TypeScript where an object is built in steps; here it fails.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

export type Shape =
  | { is: "any" | "string" | "number" | "boolean" | "asset" }
  | { is: "list"; of: Shape }
  | { is: "map"; of: Shape }
  | { is: "object"; properties: Properties }
  | { is: "one"; of: readonly Shape[] };
export interface Property {
  required: boolean;
  shape: Shape;
}
export type Properties = Record<string, Property>;

const any: Shape = { is: "any" };
const packagesDirectory = join(import.meta.dirname, "../../../node_modules/@pulumi");

const parse = (file: string, text: string) => ts.createSourceFile(file, text, ts.ScriptTarget.Latest);

/** Interfaces of `types/input.d.ts` by `module.Name` (or `Name`). Its 5 MB are parsed one namespace at a time. */
class Inputs {
  readonly #text: string;
  readonly #modules = new Map<string, Map<string, ts.InterfaceDeclaration>>();
  constructor(directory: string) {
    this.#text = readFileSync(join(directory, "types/input.d.ts"), "utf8");
  }
  /** Generated code: a namespace's `}` is the next one at the start of a line. */
  #slice(module: string): string {
    if (module === "") return this.#text.replaceAll(/^export declare namespace [^]*?^}/gm, "");
    const start = this.#text.indexOf(`export declare namespace ${module} {`);
    return start < 0 ? "" : this.#text.slice(start, this.#text.indexOf("\n}", start) + 2);
  }
  get(module: string, name: string): ts.InterfaceDeclaration | undefined {
    let known = this.#modules.get(module);
    if (!known) {
      known = new Map();
      const visit = (node: ts.Node): void => {
        if (ts.isInterfaceDeclaration(node)) known!.set(node.name.text, node);
        ts.forEachChild(node, visit);
      };
      visit(parse("input.d.ts", this.#slice(module)));
      this.#modules.set(module, known);
    }
    return known.get(name);
  }
}

const entityText = (name: ts.EntityName): string =>
  ts.isIdentifier(name) ? name.text : `${entityText(name.left)}.${name.right.text}`;

const keywords: Partial<Record<ts.SyntaxKind, Shape>> = {
  [ts.SyntaxKind.StringKeyword]: { is: "string" },
  [ts.SyntaxKind.NumberKeyword]: { is: "number" },
  [ts.SyntaxKind.BooleanKeyword]: { is: "boolean" },
};

class Reader {
  readonly #inputs: Inputs;
  /** A type that holds itself (a filter's `ands`) is not followed for ever. */
  readonly #open = new Set<string>();
  constructor(inputs: Inputs) {
    this.#inputs = inputs;
  }
  properties(members: readonly ts.TypeElement[]): Properties {
    const found: Properties = {};
    for (const member of members)
      if (ts.isPropertySignature(member) && member.type && ts.isIdentifier(member.name))
        found[member.name.text] = { required: !member.questionToken, shape: this.shape(member.type) };
    return found;
  }
  #named(name: string): Shape {
    const [first, ...rest] = name.split(".");
    if (first !== "inputs") return name.startsWith("pulumi.asset.") ? { is: "asset" } : { is: "string" };
    const [module, type] = rest.length === 1 ? ["", rest[0]!] : [rest[0]!, rest[1]!];
    const declared = this.#inputs.get(module, type);
    if (!declared || this.#open.has(name)) return any;
    this.#open.add(name);
    const properties = this.properties([...declared.members]);
    this.#open.delete(name);
    return { is: "object", properties };
  }
  shape(node: ts.TypeNode): Shape {
    const keyword = keywords[node.kind];
    if (keyword) return keyword;
    if (ts.isArrayTypeNode(node)) return { is: "list", of: this.shape(node.elementType) };
    if (ts.isTypeLiteralNode(node)) {
      const [member] = node.members;
      return member && ts.isIndexSignatureDeclaration(member)
        ? { is: "map", of: this.shape(member.type) }
        : any;
    }
    if (ts.isUnionTypeNode(node)) {
      const of = node.types
        .filter((type) => type.kind !== ts.SyntaxKind.UndefinedKeyword)
        .map((type) => this.shape(type));
      return of.length === 1 ? of[0]! : { is: "one", of };
    }
    if (!ts.isTypeReferenceNode(node)) return any;
    const name = entityText(node.typeName);
    // Of a resource (`string | Bucket`) the SDK sends the id; an enum is its string.
    return name === "pulumi.Input" ? this.shape(node.typeArguments![0]!) : this.#named(name);
  }
}

/** The declarations of one package, such as `aws`. */
export class Declarations {
  readonly #directory: string;
  #reader: Reader | undefined;
  readonly #known = new Map<string, Properties>();
  constructor(name: string) {
    this.#directory = join(packagesDirectory, name);
  }
  get version(): string {
    const text = readFileSync(join(this.#directory, "package.json"), "utf8");
    return (JSON.parse(text) as { version: string }).version;
  }
  /** The interface `Args` of a file, such as `ec2/vpc` and `VpcArgs`. */
  #read(path: string, name: string): Properties {
    const file = join(this.#directory, `${path}.d.ts`);
    const source = parse(file, readFileSync(file, "utf8"));
    const found = source.statements.find(
      (node): node is ts.InterfaceDeclaration => ts.isInterfaceDeclaration(node) && node.name.text === name,
    );
    if (!found) throw new Error(`${file} declares no ${name}`);
    this.#reader ??= new Reader(new Inputs(this.#directory));
    return this.#reader.properties([...found.members]);
  }
  /** Inputs of a resource type, by its token: `aws:ec2/vpc:Vpc` is `VpcArgs` in `ec2/vpc.d.ts`. */
  inputs(token: string): Properties {
    let properties = this.#known.get(token);
    if (!properties) {
      const [, module, name] = token.split(":");
      properties = this.#read(module!.replace(/^index\//, ""), `${name}Args`);
      this.#known.set(token, properties);
    }
    return properties;
  }
  /** Inputs of the provider itself. */
  provider(): Properties {
    return this.#read("provider", "ProviderArgs");
  }
}
