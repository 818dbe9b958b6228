/** The `start` tier: reads what a real `npm start --json` said of itself. Pure. */
import { outcome, type Outcome } from "../start/outcome.ts";

/** The example workflow has at least so many jobs; fewer means that it was not really run. */
const jobsMin = 6;

const read = (line: string): Outcome | null => {
  try {
    return outcome.parse(JSON.parse(line));
  } catch {
    return null;
  }
};

const leftovers = (found: Outcome): string[] =>
  Object.entries(found.leftovers).flatMap(([what, count]) => (count === 0 ? [] : [`${count} ${what} left`]));

/**
 * What is wrong with a run, in words; empty when nothing is.
 * @param changes files that git would show as changed after it
 */
export const startProblem = (code: number | null, lastLine: string, changes: readonly string[]): string => {
  const found = read(lastLine);
  if (found === null) return `exit code ${code ?? "of a signal"}, and the last line is no --json line`;
  const { total, succeeded, failed } = found.jobs;
  const problems = [
    ...(total < jobsMin ? [`only ${total} jobs ran`] : []),
    ...(failed > 0 || succeeded !== total ? [`${total - succeeded} of ${total} jobs did not succeed`] : []),
    ...leftovers(found),
    ...(changes.length > 0 ? [`the checkout changed: ${changes.slice(0, 5).join(", ")}`] : []),
  ];
  if (problems.length === 0 && code !== 0) problems.push(`exit code ${code ?? "of a signal"}`);
  return problems.join("; ");
};
