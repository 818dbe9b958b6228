/** Exit codes of Runner.Listener (actions/runner, src/Runner.Common/Constants.cs and run-helper.sh). */

export type Verdict =
  | { then: "over"; problem: string | null }
  /** Temporary trouble: once more, after a pause. */
  | { then: "relaunch" }
  /** It updates itself: once more when the file `update.finished` is there. */
  | { then: "await-update" };

/** @param code null when a signal ended it */
export function verdictOn(code: number | null): Verdict {
  switch (code) {
    case 0:
      return { then: "over", problem: null };
    case 2:
      return { then: "relaunch" };
    case 3:
    case 4:
      return { then: "await-update" };
    case 5:
      return {
        then: "over",
        problem: "another session of this runner is open at GitHub (exit code 5): the registration is in use",
      };
    case 7:
      return {
        then: "over",
        problem:
          "GitHub no longer serves this runner version (exit code 7): a newer runner archive is needed",
      };
    case null:
      return { then: "over", problem: "the runner was ended by a signal" };
    default:
      return { then: "over", problem: `the runner ended with exit code ${code}; see its log` };
  }
}
