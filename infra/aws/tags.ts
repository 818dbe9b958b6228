/** Tags that rights and sweeps go by: machines know them as well. */
export * from "../../agent/aws-tags.ts";
