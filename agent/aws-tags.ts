/** Tags that rights and sweeps go by. */

/** Tag that names the stack on everything it owns, `PROJECT/STACK`: what sweep and the manager look for. */
export const stackTag = "muster:stack";
/** Tag that names a machine's pool. */
export const poolTag = "muster:pool";
/** Tag of machines that the manager may not end: what the program made, in contrast to what is launched for jobs. */
export const roleTag = "muster:role";
export const roles = {
  manager: "manager",
  /** A pool's `fixed` machines. */
  fixed: "fixed",
} as const;
