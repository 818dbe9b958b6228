/** Gigabytes of the manager's encrypted gp3 volumes: what it starts from, and journal and history. */
export const managerDisksGb = { root: 8, data: 8 } as const;
