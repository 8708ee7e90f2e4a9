// The official server on Node: --port N --mode echo|broadcast|rooms:K.
import { createServer } from "node:http";
import { Server } from "socket.io";
import { serve } from "./handlers.mjs";
import { options } from "./options.mjs";

const chosen = options();
const http = createServer();
serve(new Server(http, { serveClient: false }), chosen);
http.listen(chosen.port, "127.0.0.1", 4096, () => console.log(`listening on ${http.address().port}`));
