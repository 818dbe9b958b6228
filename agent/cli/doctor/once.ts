/** Looked up when it is first asked for, and never again; a failure stays one, too. */
export const once = <T>(look: () => Promise<T>): (() => Promise<T>) => {
  let looked: Promise<T> | null = null;
  return () => {
    looked ??= look();
    return looked;
  };
};
