/** Calls of AWS with the credentials of whoever runs Pulumi, found as every tool of AWS finds them. */
import { LeavingError } from "./errors.ts";

/** A call is repeated by the SDK, with pauses; none of its attempts may hang. */
export const client = (region: string) => ({
  region,
  maxAttempts: 5,
  // Without the last one the SDK only warns.
  requestHandler: { connectionTimeout: 5_000, requestTimeout: 30_000, throwOnRequestTimeout: true },
});

/** Whether an error has such a name: AWS's word for what went wrong. */
export const named = (error: unknown, pattern: RegExp): boolean => pattern.test((error as Error).name);

/** @throws LeavingError in place of the SDK's own words where it found no credentials or no use for them */
export const asked = async <T>(what: string, call: () => Promise<T>): Promise<T> => {
  try {
    return await call();
  } catch (error) {
    const { name, message } = error as Error;
    if (
      /CredentialsProviderError|ExpiredToken|InvalidClientTokenId|AuthFailure|InvalidAccessKeyId/.test(name)
    )
      throw new LeavingError(
        `${what}: AWS accepts no credentials from here (${message}). Give this shell those of the stack's account ` +
          `(AWS_PROFILE, "aws sso login", or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY) and repeat it`,
      );
    throw new Error(`${what}: ${name}: ${message}`, { cause: error });
  }
};
