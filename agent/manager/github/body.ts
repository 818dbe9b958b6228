/** The body of an answer, as far as any of GitHub's is long: what sends without end must not fill the manager's memory. */

/** The longest is a list of all runners, which comes without pages: some 10 MB for 10,000. */
const bytesMax = 64 * 1024 ** 2;

/** @throws when there is more; the connection is closed then */
export async function bodyOf(response: Response): Promise<Buffer<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += part.length;
    if (bytes > bytesMax) throw new Error(`the answer has more than ${bytesMax / 1024 ** 2} MiB`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}
