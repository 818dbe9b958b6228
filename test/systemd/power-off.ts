/** Exit code of a machine that switched itself off. */
export const powerOffCode = 100;
