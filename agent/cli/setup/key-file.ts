/** A GitHub App's private key as a file: what it must be, and what is wrong with what it is not. */
import { createPrivateKey, type KeyObject } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { CliError } from "../errors.ts";

const maxBytes = 64 * 1024;
const newKey = 'make one on the App\'s settings page ("Generate a private key")';

/**
 * The key as PKCS#8 PEM, whatever of PKCS#1 and PKCS#8 it was.
 * @param where for errors: the file's name
 * @throws CliError that never repeats the text
 */
export const readKey = (text: string, where: string): string => {
  const no = (why: string) => new CliError(`${where} ${why}`);
  if (text.trim() === "") throw no(`is empty; ${newKey}.`);
  const titles = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----/g)].map((match) => match[1]!);
  if (titles.length === 0)
    throw no(`is no PEM file: it has no line -----BEGIN RSA PRIVATE KEY-----; ${newKey}.`);
  if (titles.length > 1)
    throw no("holds more than one key or certificate; leave only the App's private key in it.");
  const [title = ""] = titles;
  if (title === "OPENSSH PRIVATE KEY")
    throw no(`is a key for SSH; a GitHub App has one of its own: ${newKey}.`);
  if (/PUBLIC KEY|CERTIFICATE/.test(title))
    throw no(`is public (${title}); the private key is needed: ${newKey}.`);
  if (title === "ENCRYPTED PRIVATE KEY" || /^Proc-Type: 4,ENCRYPTED/m.test(text))
    throw no(
      "is encrypted, which GitHub's keys are not: decrypt it (openssl pkey -in FILE -out NEW), and remove NEW afterwards.",
    );
  let key: KeyObject;
  try {
    key = createPrivateKey(text.replaceAll("\r\n", "\n"));
  } catch {
    throw no(`is damaged: its lines cannot be read as a private key; ${newKey}.`);
  }
  if (key.asymmetricKeyType !== "rsa")
    throw no(`is a key of the kind ${key.asymmetricKeyType}, but GitHub Apps have RSA keys; ${newKey}.`);
  return key.export({ type: "pkcs8", format: "pem" }).toString().trim();
};

/**
 * @returns the key, and a warning when others may read the file
 * @throws CliError
 */
export const readKeyFile = async (file: string): Promise<{ key: string; warnings: string[] }> => {
  if (file.includes("-----BEGIN"))
    throw new CliError(
      "--key-file was given a key instead of a file's name: it is in the shell's history now and was readable by " +
        "every process of this computer. Delete that key on the App's settings page, make a new one, and give its file.",
    );
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error)
    throw new CliError(
      `--key-file ${file}: ${found.code === "ENOENT" ? "there is no such file" : found.message}.`,
    );
  if (!found.isFile() || found.size > maxBytes)
    throw new CliError(`--key-file ${file} is no key: a private key is a file of a few kilobytes.`);
  const text = await readFile(file, "utf8").catch((error: Error) => {
    throw new CliError(`--key-file ${file} cannot be read: ${error.message}.`);
  });
  const open = (found.mode & 0o077) !== 0;
  return {
    key: readKey(text, `--key-file ${file}`),
    warnings: [
      `the key is stored encrypted now: remove ${file}${open ? ", which others of this computer may read" : ""}`,
    ],
  };
};
