// An agent of the version after today's, as a manager sees it: every message has fields that nobody knows yet. It enrols,
// says that it is ready, stays until it is told to end, and leaves what it was answered beside its launch file.
import { readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";

const launch = JSON.parse(readFileSync(process.argv[2], "utf8"));
const answers = [];

const post = (path, body, bearer) =>
  new Promise((resolve, reject) => {
    const headers = {
      "content-type": "application/json",
      ...(bearer && { authorization: `Bearer ${bearer}` }),
    };
    const socketPath = launch.managers[0].slice("unix:".length);
    const call = request({ socketPath, path, method: "POST", headers }, async (response) => {
      let text = "";
      for await (const part of response) text += part;
      answers.push({ path, status: response.statusCode, body: JSON.parse(text) });
      writeFileSync(join(launch.directory, "answers.json"), JSON.stringify(answers));
      resolve(JSON.parse(text));
    });
    call.on("error", reject);
    call.end(JSON.stringify(body));
  });

const unknown = { quantum: { qubits: 3 }, weather: "fair" };
const host = {
  arch: "x64",
  cores: 2,
  memoryMb: 1,
  diskFreeMb: 1,
  kernel: "9",
  ...unknown,
  gpus: [{ vendor: "acme" }],
};
const usage = {
  cpuPercent: 1,
  memoryUsedMb: 1,
  memoryTotalMb: 2,
  diskFreeMb: 1,
  diskTotalMb: 2,
  ...unknown,
  connect: 7,
};
const { machine, token } = launch;
const { session } = await post("/agent/v1/enroll", {
  protocol: 4,
  machine,
  token,
  agent: "x",
  host,
  ...unknown,
});
let done = 0;
for (let sequence = 1, phase = "ready"; ; sequence++) {
  const life = { life: 0, job: null, lastLife: null, problem: null };
  const report = { protocol: 4, sequence, phase, ...life, usage, done, ...unknown };
  const { instruction } = await post("/agent/v1/sync", report, session);
  if (phase === "ended" || !instruction) break;
  done = instruction.id;
  if (instruction.do === "end") phase = "ended";
}
