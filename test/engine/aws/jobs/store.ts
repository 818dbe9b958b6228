/** What a further `up` would leave for the manager's machine, written into the bucket and the parameter of the one that was. */
import { readFile } from "node:fs/promises";
import { GetObjectCommand, ListBucketsCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { GetParameterCommand, PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import {
  currentKey,
  currentObject,
  fileKey,
  type CurrentObject,
  type FilesParameter,
} from "../../../../agent/manager-host.ts";
import type { ManagerConfig } from "../../../../agent/manager-config.ts";
import { bundle } from "../../../../infra/bundle.ts";

const files = "/muster-dev/files";

export const openStore = (endpoint: string, region: string) => {
  const options = { region, endpoint, credentials: { accessKeyId: "test", secretAccessKey: "test" } };
  const s3 = new S3Client({ ...options, forcePathStyle: true });
  const ssm = new SSMClient(options);
  const bucket = async () => {
    const { Buckets = [] } = await s3.send(new ListBucketsCommand());
    return Buckets.find(({ Name }) => Name!.startsWith("muster-dev-manager"))!.Name!;
  };
  const put = async (Key: string, Body: string | Uint8Array) =>
    void (await s3.send(new PutObjectCommand({ Bucket: await bucket(), Key, Body })));
  const read = async (): Promise<CurrentObject> => {
    const found = await s3.send(new GetObjectCommand({ Bucket: await bucket(), Key: currentKey }));
    return currentObject.parse(JSON.parse(await found.Body!.transformToString()));
  };
  const write = (current: CurrentObject) => put(currentKey, JSON.stringify(current));
  return {
    config: async (): Promise<ManagerConfig> => (await read()).config,
    /** Settings alone. */
    changeConfig: async (change: (config: ManagerConfig) => ManagerConfig): Promise<void> => {
      const current = await read();
      await write({ ...current, config: change(current.config) });
    },
    /** The manager as it is built from this copy of the project now. @returns its hash */
    upgrade: async (root: string): Promise<string> => {
      const { manager } = await bundle(root, ["manager"], () => {});
      await put(fileKey(manager.sha256, "manager.mjs"), await readFile(manager.path));
      const said = await ssm.send(new GetParameterCommand({ Name: files }));
      const hashes = JSON.parse(said.Parameter!.Value!) as FilesParameter;
      const Value = JSON.stringify({ ...hashes, "manager.mjs": manager.sha256 });
      await ssm.send(new PutParameterCommand({ Name: files, Value, Overwrite: true }));
      const current = await read();
      await write({ ...current, files: { ...current.files, "manager.mjs": manager.sha256 } });
      return manager.sha256;
    },
    close: () => {
      s3.destroy();
      ssm.destroy();
    },
  };
};
export type Store = ReturnType<typeof openStore>;
