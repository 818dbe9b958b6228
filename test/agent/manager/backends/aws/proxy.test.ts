import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { connect } from "../../../../../agent/manager/backends/aws/sdk.ts";

afterEach(() => vi.unstubAllEnvs());

const answer = `<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><reservationSet/></DescribeInstancesResponse>`;

test.each([
  ["1", ["http://127.0.0.2:1/"]],
  ["0", []],
])(
  "EC2 is called through the proxy where Node is told to follow it (NODE_USE_ENV_PROXY=%s)",
  async (follow, through) => {
    const asked: string[] = [];
    const proxy = createServer((request, response) => {
      asked.push(request.url!);
      response.end(answer);
    }).listen(0, "127.0.0.1");
    await once(proxy, "listening");
    vi.stubEnv("HTTP_PROXY", `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    vi.stubEnv("NO_PROXY", "");
    vi.stubEnv("no_proxy", "");
    vi.stubEnv("NODE_USE_ENV_PROXY", follow);
    vi.stubEnv("AWS_ENDPOINT_URL", "http://127.0.0.2:1");
    vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
    try {
      const call = connect("eu-central-1").describeInstances({}, new AbortController().signal);
      await call.catch((error: Error) => expect(error.message).toMatch(/ECONNREFUSED/));
      expect(asked).toEqual(through);
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  },
);
