// An echo server around npm's `ws`, which passes the list that conformance.py works through: it is
// there to try the driver, not to be tried. Prints its port. Needs `npm ci` in tests/interop.
import { createRequire } from "node:module";

const require = createRequire(new URL("../interop/package.json", import.meta.url));
const { WebSocketServer } = require("ws");

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: 0,
  maxPayload: 64 << 20,
  maxFragments: 0, // no limits that the cases do not know of
  maxBufferedChunks: 0,
  perMessageDeflate: { threshold: 0 },
});
server.on("listening", () => console.log(server.address().port));
server.on("connection", (socket) => {
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.on("error", () => {});
});
