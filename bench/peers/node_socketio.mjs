// The official server with the same modes as bench-server: --port N --mode echo|broadcast|rooms:K.
import { createServer } from "node:http";
import { Server } from "socket.io";
import { options } from "./options.mjs";

const { port, mode, rooms } = options();
const http = createServer();
const io = new Server(http, { serveClient: false });

let number = 0;
io.on("connection", (socket) => {
  if (mode === "broadcast") {
    socket.on("m", (...args) => io.emit("m", ...args));
  } else if (rooms > 0) {
    const room = `room${number++ % rooms}`;
    socket.join(room);
    socket.on("m", (...args) => io.to(room).emit("m", ...args));
  } else {
    socket.on("m", (...args) => {
      const last = args.at(-1);
      if (typeof last === "function") {
        args.pop();
        last(...args);
      } else {
        socket.emit("m", ...args);
      }
    });
  }
});
http.listen(port, "127.0.0.1", 4096, () => console.log(`listening on ${port}`));
