/** The image that machines start from where the settings name none. */
import type { AwsBackendSettings, AwsImage } from "./settings.ts";

/** Names of the architectures at Canonical and at AWS's deep learning images. */
const ubuntu = { arm64: "arm64", x64: "amd64" } as const;
const deepLearning = { arm64: "arm64", x64: "x86_64" } as const;

/**
 * Ubuntu 24.04 of Canonical; with a GPU, AWS's base image of the same Ubuntu with driver, CUDA and container toolkit.
 * AWS publishes that one for Graviton too, for G5g (its notes of October 2026); a plain arm64 image starts there without a driver.
 * Both are names that AWS keeps pointing at the newest: a machine has the image of the day it starts.
 */
export const defaultImage = ({ arch, gpu }: Pick<AwsBackendSettings, "arch" | "gpu">): AwsImage => ({
  kind: "ssm",
  parameter: gpu
    ? `/aws/service/deeplearning/ami/${deepLearning[arch]}/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id`
    : `/aws/service/canonical/ubuntu/server/24.04/stable/current/${ubuntu[arch]}/hvm/ebs-gp3/ami-id`,
});

/** As a launch template names it; EC2 looks the parameter up at each launch. */
export const imageId = (image: AwsImage): string =>
  image.kind === "ami" ? image.id : `resolve:ssm:${image.parameter}`;
