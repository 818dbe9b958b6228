/**
 * Signed content in CMS (RFC 5652, also called PKCS#7) of the one form that AWS signs instance identity documents in: the
 * content inside, one signer, SHA-256, RSA, signed attributes. Anything else is no such thing.
 */
import { createHash, type KeyObject, verify } from "node:crypto";
import { type BaseBlock, Constructed, fromBER, ObjectIdentifier, OctetString, Sequence, Set } from "asn1js";

const oid = {
  data: "1.2.840.113549.1.7.1",
  signedData: "1.2.840.113549.1.7.2",
  contentType: "1.2.840.113549.1.9.3",
  messageDigest: "1.2.840.113549.1.9.4",
  sha256: "2.16.840.1.101.3.4.2.1",
  /** A signature may be named with its hash or without. */
  signatures: new globalThis.Set(["1.2.840.113549.1.1.1", "1.2.840.113549.1.1.11"]),
};

/** Why some bytes are not what this file reads. */
export class NotCms extends Error {
  override readonly name = "NotCms";
}

export interface Signed {
  content: Buffer;
  /** Whether this key, and for this content, made the signature. */
  isBy(key: KeyObject): boolean;
}

/**
 * Certificates that come along are not looked at: who may sign is not for the signer to say.
 *
 * @throws NotCms
 */
export function readCms(bytes: Uint8Array): Signed {
  try {
    return read(bytes);
  } catch (error) {
    throw error instanceof NotCms ? error : new NotCms("it cannot be read", { cause: error });
  }
}

function read(bytes: Uint8Array): Signed {
  const { offset, result } = fromBER(bytes);
  if (offset !== bytes.length) throw new NotCms("it is no ASN.1, or more than one value");
  const [type, wrapped] = parts(result, Sequence, 2);
  is(type, oid.signedData, "signed data");
  const signedData = parts(parts(tagged(wrapped, 0), Constructed, 1)[0], Sequence);
  const [, , contentInfo] = signedData;
  const [contentType, content] = parts(contentInfo, Sequence, 2);
  is(contentType, oid.data, "its content is data");
  const text = octets(parts(tagged(content, 0), Constructed, 1)[0]);
  const [signer] = parts(signedData.at(-1), Set, 1);
  // version, who, digest, [0] signed attributes, signature algorithm, signature; [1] others, which nobody signed.
  const [, , digest, attributes, algorithm, signature] = parts(signer, Sequence);
  is(parts(digest, Sequence)[0], oid.sha256, "its digest is SHA-256");
  if (!oid.signatures.has(name(parts(algorithm, Sequence)[0])))
    throw new NotCms("its signature is not RSA's");
  const signedPart = tagged(attributes, 0);
  const values = attributesOf(signedPart);
  is(values(oid.contentType), oid.data, "what is signed is data");
  const hash = createHash("sha256").update(text).digest();
  if (!hash.equals(octets(values(oid.messageDigest)))) throw new NotCms("its content has another hash");
  // Signed as the set that they are, not under the tag that they have inside (RFC 5652, 5.4).
  const asSet = Buffer.from(signedPart.valueBeforeDecodeView);
  asSet[0] = 0x31;
  const given = octets(signature);
  return { content: text, isBy: (key) => verify("sha256", asSet, key, given) };
}

/** Children of a value of that kind, and of that number where one is given. */
function parts(block: BaseBlock | undefined, kind: typeof Constructed, count?: number): BaseBlock[] {
  if (!(block instanceof kind)) throw new NotCms("it has another form");
  const found = block.valueBlock.value;
  if (count !== undefined && found.length !== count) throw new NotCms("it has more or less parts");
  return found;
}

function tagged(block: BaseBlock | undefined, tag: number): Constructed {
  const { tagClass, tagNumber } = block?.idBlock ?? {};
  // 3: context-specific.
  if (!(block instanceof Constructed) || tagClass !== 3 || tagNumber !== tag)
    throw new NotCms("it has another form");
  return block;
}

const name = (block: BaseBlock | undefined): string => {
  if (!(block instanceof ObjectIdentifier)) throw new NotCms("it has another form");
  return block.valueBlock.toString();
};

function is(block: BaseBlock | undefined, expected: string, what: string): void {
  if (name(block) !== expected) throw new NotCms(`it does not say that ${what}`);
}

/** Also those that come in pieces. */
function octets(block: BaseBlock | undefined): Buffer {
  if (!(block instanceof OctetString)) throw new NotCms("it has another form");
  return Buffer.from(block.getValue());
}

/** The one value of the one attribute of that name. */
function attributesOf(block: Constructed): (wanted: string) => BaseBlock {
  const all = parts(block, Constructed).map((each) => parts(each, Sequence, 2));
  return (wanted) => {
    const found = all.filter(([type]) => name(type) === wanted);
    if (found.length !== 1) throw new NotCms("an attribute is missing, or there twice");
    return parts(found[0]![1], Set, 1)[0]!;
  };
}
