/** The stand-in `systemctl` and `systemd-run`: hands name and arguments to units.ts. `systemctl.ts SOCKET NAME ARGUMENTS...` */
import { request } from "node:http";
import { text } from "node:stream/consumers";

const [socketPath, ...args] = process.argv.slice(2);
const sent = request({ socketPath, method: "POST" }, (answer) => {
  void text(answer).then((said) => {
    if (answer.statusCode !== 200) console.error(said);
    process.exitCode = answer.statusCode === 200 ? 0 : 1;
  });
});
sent.on("error", (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
sent.end(JSON.stringify(args));
