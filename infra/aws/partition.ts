/** Whether a region is one of the AWS of all, of China or of the United States' government: their ARNs differ. */
export const partitionOf = (region: string): "aws" | "aws-cn" | "aws-us-gov" =>
  region.startsWith("cn-") ? "aws-cn" : region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
