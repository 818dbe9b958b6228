/** Why a workflow is not run: every reason at once, each with its place. */

export interface Problem {
  /** Counted from 1; null for the file as a whole. */
  at: { line: number; column: number } | null;
  message: string;
}

export class WorkflowRefused extends Error {
  override name = "WorkflowRefused";
  readonly problems: readonly Problem[];
  constructor(file: string, problems: readonly Problem[]) {
    super(
      problems
        .map(({ at, message }) => `${at ? `${file}:${at.line}:${at.column}` : file}: ${message}`)
        .join("\n"),
    );
    this.problems = problems;
  }
}

const place = ({ at }: Problem) => (at ? at.line * 1_000_000 + at.column : 0);

/** In the order of the file; the same problem is named once. */
export function refuse(file: string, problems: readonly Problem[]): WorkflowRefused {
  const unique = new Map(problems.map((problem) => [`${place(problem)} ${problem.message}`, problem]));
  return new WorkflowRefused(
    file,
    [...unique.values()].sort((a, b) => place(a) - place(b)),
  );
}
