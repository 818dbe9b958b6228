/** The confinement that this computer gives to whoever runs the tests. */
import { detectConfinement } from "../../../agent/confinement/detect.ts";

export const given = await detectConfinement();

/** Where none is given there is nothing to show, and the tests are listed as skipped; with CI=true they fail instead. */
export const testable = given.kind !== "none" || process.env["CI"] === "true";
