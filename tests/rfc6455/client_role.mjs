// The peer is a client that echoes: we listen, and each connection of it is one case. Clients that were written for Autobahn's
// fuzzing server find its paths: /getCaseCount (a text with the number), /runCase?case=N, /updateReports (the end). To any other
// path the next case is served that has not been; after the last the answer is 410.
import { spawn } from "node:child_process";
import net from "node:net";
import { Connection } from "./connection.mjs";
import { codecFor, parseExtensions } from "./deflate_codec.mjs";
import { accepts, bytes } from "./frames.mjs";
import { hangUp, maker } from "./judge.mjs";
import { Refused, Unimplemented, casesFor, run } from "./suite.mjs";

class Session {
  role = "client";
  constructor(connection, request) {
    this.connection = connection;
    this.request = request;
  }

  /** The handshake; `answer`: parameters of permessage-deflate to agree on. */
  async open({ answer, early = Buffer.alloc(0), cutAt } = {}) {
    const { connection, request } = this;
    const key = request.headers["sec-websocket-key"];
    if (!key || request.headers.upgrade?.toLowerCase() !== "websocket") throw new Refused(`asks for no WebSocket: ${request.first}`);
    const agreed = answer && this.#agree(answer);
    const head = bytes(["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", `Sec-WebSocket-Accept: ${accepts(key)}`,
      ...(agreed ? [`Sec-WebSocket-Extensions: ${agreed.header}`] : []), "", ""].join("\r\n"));
    const all = Buffer.concat([head, early]);
    if (cutAt === undefined) await connection.send(all);
    else await connection.send(all.subarray(0, head.length + cutAt), all.subarray(head.length + cutAt));
    if (agreed) connection.codec = codecFor("client", agreed.params);
    return connection;
  }

  // What was asked of us, and of `answer` what may be said to this offer.
  #agree(answer) {
    const offer = parseExtensions(this.request.headers["sec-websocket-extensions"]).find(([name]) => name === "permessage-deflate")?.[1];
    if (!offer) throw new Unimplemented("permessage-deflate is not offered");
    const params = { ...answer };
    if (params.client_max_window_bits && offer.client_max_window_bits === undefined) delete params.client_max_window_bits;
    if (offer.client_max_window_bits && offer.client_max_window_bits !== true)
      params.client_max_window_bits = Math.min(params.client_max_window_bits ?? 15, Number(offer.client_max_window_bits));
    if (offer.server_no_context_takeover) params.server_no_context_takeover = true;
    if (offer.server_max_window_bits) params.server_max_window_bits = Number(offer.server_max_window_bits);
    const header = ["permessage-deflate", ...Object.entries(params).map(([name, value]) => (value === true ? name : `${name}=${value}`))].join("; ");
    return { params, header };
  }

  destroy() { this.connection.destroy(); }
}

class Judging {
  constructor(options) {
    this.options = options;
    this.cases = casesFor("client", options);
    this.results = Array(this.cases.length);
    this.next = 0;
    this.left = this.cases.length;
    this.finished = new Promise((resolve) => { this.finish = resolve; });
  }

  async serve(socket) {
    const connection = new Connection(socket, "client", this.options);
    const request = await connection.head();
    if (!request) return connection.destroy();
    const url = new URL(request.first.split(" ")[1] ?? "/", "http://x");
    const session = new Session(connection, request);
    switch (url.pathname) {
      case "/getCaseCount": return this.#say(session, `${this.cases.length}`);
      case "/updateReports":
        await this.#say(session);
        return this.finish();
      case "/runCase": return this.#run(session, Number(url.searchParams.get("case")) - 1);
      default: return this.#run(session, this.next++);
    }
  }

  async #say(session, message) {
    try {
      const connection = await session.open();
      if (message) await connection.send(maker("client").text(message));
      await hangUp(connection);
    } finally { session.destroy(); }
  }

  async #run(session, i) {
    const one = this.cases[i];
    if (!one) {
      await session.connection.send("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      session.connection.finish();
      await session.connection.until(() => session.connection.end);
      session.destroy();
      if (this.left === 0) this.finish();
      return;
    }
    const result = await run(one, session);
    if (!this.results[i]) --this.left;
    this.results[i] = result;
    this.options.report?.(result);
    if (this.left === 0 && !this.options.dismiss) this.finish();
  }

  /** What never came is a failure. */
  all() { return this.cases.map(({ id, what }, i) => this.results[i] ?? { id, what, verdict: "FAILED", detail: "the client did not come for it" }); }
}

/**
 * Judges a client; resolves with the results when all cases are through, the client says that it is done, or `command` ends.
 * options: those of casesFor and Connection, port (0: any), listening(port), command (a shell line; {url} is replaced), report,
 * dismiss (stay until the client has been told 410).
 */
export async function testClient(options = {}) {
  const judging = new Judging(options);
  const sockets = new Set();
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket.on("close", () => sockets.delete(socket)));
    judging.serve(socket).catch((error) => judging.finish(error));
  });
  await new Promise((resolve, reject) => server.once("error", reject).listen(options.port ?? 0, resolve));
  const { port } = server.address();
  options.listening?.(port);
  const child = options.command && spawn(options.command.replaceAll("{url}", `ws://127.0.0.1:${port}`), { shell: true, stdio: ["ignore", "inherit", "inherit"] });
  const exited = child && new Promise((resolve) => { child.once("exit", resolve); child.once("error", resolve); });
  const error = await Promise.race([judging.finished, ...(exited ? [exited.then(() => undefined)] : [])]);
  if (exited) {
    // Its next connection is refused with 410, or by nobody; what it makes of that is its own affair.
    const late = setTimeout(() => child.kill(), 2000);
    await exited;
    clearTimeout(late);
  }
  server.close();
  for (const socket of sockets) socket.destroy();
  if (error) throw error;
  return judging.all();
}
