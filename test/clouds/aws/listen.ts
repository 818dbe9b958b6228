/** Listens in the network namespace in which it was started and gives the socket to its parent. `listen.ts HOST PORT` */
import { createServer } from "node:net";

const [host, port] = process.argv.slice(2) as [string, string];
const server = createServer();
server.listen(Number(port), host, () => process.send!("listening", server));
process.once("disconnect", () => process.exit(0));
