/** A moto for the tests of one file, where every client of the SDK without an address of its own finds it. */
import { afterAll, beforeAll, vi } from "vitest";
import { startMoto, type Moto } from "../clouds/moto.ts";

/** @returns what gives it, once the file's tests run */
export const withMoto = (): (() => Moto) => {
  let moto: Moto;
  beforeAll(async () => {
    moto = await startMoto();
    for (const [name, value] of Object.entries(moto.env)) vi.stubEnv(name, value);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await moto.stop();
  });
  return () => moto;
};
