// The official server on Node: --port N --mode echo|broadcast|rooms:K [--tls PEM] [--deflate on].
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { Server } from "socket.io";
import { serve } from "./handlers.mjs";
import { options } from "./options.mjs";

const chosen = options();
const pem = chosen.tls && readFileSync(chosen.tls);
const http = pem ? createSecureServer({ cert: pem, key: pem }) : createServer();
serve(new Server(http, { serveClient: false, perMessageDeflate: chosen.deflate }), chosen);
http.listen(chosen.port, "127.0.0.1", 4096, () => console.log(`listening on ${http.address().port}`));
