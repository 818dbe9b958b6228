/** Runs on the manager's machine beside the manager. */
import { currentKey } from "../manager-host.ts";

throw new Error(`this version of the updater does not watch ${currentKey} yet`);
