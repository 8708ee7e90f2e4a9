// The official server on Bun, with the engine made for it: --port N --mode echo|broadcast|rooms:K.
import { Server as Engine } from "@socket.io/bun-engine";
import { Server } from "socket.io";
import { serve } from "./handlers.mjs";
import { options } from "./options.mjs";

const chosen = options();
const io = new Server();
const engine = new Engine({ path: "/socket.io/" });
io.bind(engine);
serve(io, chosen);
const server = Bun.serve({ hostname: "127.0.0.1", port: chosen.port, ...engine.handler() });
console.log(`listening on ${server.port}`);
