import { io } from "socket.io-client";

const socket = io("http://localhost:3000");
socket.on("chat", (text) => console.log("chat:", text));
socket.emit("chat", "hello");
console.log("2 + 3 =", await socket.emitWithAck("add", 2, 3));
socket.close();
