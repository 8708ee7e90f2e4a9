// A bare WebSocket server on `ws`, without Socket.IO: it carries the payload alone, in a frame.
import { WebSocketServer } from "ws";
import { options } from "./options.mjs";

const { port, mode, rooms } = options();
const server = new WebSocketServer({ host: "127.0.0.1", port, backlog: 4096, perMessageDeflate: false });
const members = Array.from({ length: Math.max(rooms, 1) }, () => new Set());

let number = 0;
server.on("connection", (socket) => {
  const everyone = members[rooms > 0 ? number++ % rooms : 0];
  everyone.add(socket);
  socket.on("close", () => everyone.delete(socket));
  socket.on("message", (data, binary) => {
    if (mode === "echo") return socket.send(data, { binary });
    for (const other of everyone) other.send(data, { binary });
  });
});
server.on("listening", () => console.log(`listening on ${port}`));
