// What bench-server does, for any Socket.IO server in JavaScript.
export function serve(io, { mode, rooms }) {
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
}
