/** What stops a destroy, in words for whoever runs it. */

/** Message only: it says what to do. */
export class LeavingError extends Error {
  override name = "LeavingError";
}
