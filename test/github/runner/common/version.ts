/** The version of actions/runner whose behaviour the stand-in shows (facts from its sources of that release). */
export const runnerVersion = "2.336.0";
