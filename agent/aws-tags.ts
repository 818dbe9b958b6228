/** Tags that rights and sweeps go by. */

/** Tag that names the stack on everything it owns, `PROJECT/STACK`: what sweep and the manager look for. */
export const stackTag = "muster:stack";
/** That tag's value. */
export const stackOf = ({ project, name }: { project: string; name: string }): string => `${project}/${name}`;
/** Tag that names a machine's pool. */
export const poolTag = "muster:pool";
/** Tags of a machine that the manager launched: from which offer, and by which launch, by which a restarted one knows it. */
export const offerTag = "muster:offer";
export const launchTag = "muster:launch";
/** Tag with the moment by which the machine must have enrolled, as ISO 8601 in UTC. */
export const deadlineTag = "muster:deadline";
/** Tag of machines that the manager may not end: what the program made, in contrast to what is launched for jobs. */
export const roleTag = "muster:role";
export const roles = {
  manager: "manager",
  /** A pool's `fixed` machines. */
  fixed: "fixed",
} as const;
