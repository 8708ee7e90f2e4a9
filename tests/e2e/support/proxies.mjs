// nginx and HAProxy in front of a server, each with its configuration from docs/guide/08-deploying.md: only the addresses
// and the times are others. They run as whoever runs the tests and write nothing outside a temporary folder.
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import assert from "node:assert/strict";
import { listens, quietPort } from "./server.mjs";
import { sleep, within } from "./wire.mjs";

const kStartMs = 60_000;
const guide = fs.readFileSync(new URL("../../../docs/guide/08-deploying.md", import.meta.url), "utf8");

/** The guide's configuration in `language`, with `changes`: [old, new], each of which must be there. */
function documented(language, changes) {
  const block = guide.match(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "s"));
  assert(block, `docs/guide/08-deploying.md has no ${language} block`);
  let text = block[1];
  for (const [old, wanted] of changes) {
    assert(text.includes(old), `the ${language} block of the guide has no "${old}"`);
    text = text.replaceAll(old, wanted);
  }
  return text;
}

const address = (port) => `127.0.0.1:${port}`;

// `write(folder, {port, server, timeout, certificate})` makes the configuration; `away` is the answer for a server that
// is not there.
const kProxies = {
  nginx: {
    away: 502,
    args: (file, folder) => ["-e", "stderr", "-p", folder, "-c", file],
    write(folder, { port, server, timeout, certificate }) {
      const secure = certificate ? ` ssl; ssl_certificate ${folder}/site.pem; ssl_certificate_key ${folder}/site.pem` : "";
      const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${folder}/${kind};`);
      const sites = documented("nginx", [["127.0.0.1:3000", address(server.port)], ["listen 80", `listen ${address(port)}${secure}`], ["60s", timeout]]);
      // One process: nobody stays behind when it is killed, and it never changes its user.
      return `daemon off; master_process off; pid ${folder}/pid; error_log stderr;\nevents {}\nhttp {\naccess_log off; ${temporary.join(" ")}\n${sites}}\n`;
    },
  },
  HAProxy: {
    away: 503,
    args: (file) => ["-db", "-f", file],
    write(folder, { port, server, timeout, certificate }) {
      const secure = certificate ? ` ssl crt ${folder}/site.pem` : "";
      const sites = documented("haproxy", [["127.0.0.1:3000", address(server.port)], ["bind :80", `bind ${address(port)}${secure}`], ["60s", timeout]]);
      return `global\n  maxconn 200\n  noreuseport\n${sites}`;  // a second one must not share the port
    },
  },
};
export const kProxyNames = Object.keys(kProxies);

// Debian's /usr/sbin is not in everybody's PATH.
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
const running = new Set();
process.on("exit", () => {
  for (const { child, folder } of running) {
    child.kill("SIGKILL");
    fs.rmSync(folder, { recursive: true, force: true });
  }
});

class Proxy {
  constructor(name, port, secure, child, folder) {
    this.port = port;
    this.away = kProxies[name].away;
    this.url = `http${secure ? "s" : ""}://${address(port)}`;
    this.ws = `ws${secure ? "s" : ""}://${address(port)}`;
    this.child = child;
    this.folder = folder;
    this.output = "";
    this.ended = false;
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => { this.output = (this.output + chunk).slice(-20_000); });
    running.add(this);
    this.exited = new Promise((resolve) => {
      child.once("error", (error) => { this.output += error.message; resolve(); });
      child.once("close", resolve);
    }).then(() => {
      this.ended = true;
      running.delete(this);
      fs.rmSync(folder, { recursive: true, force: true });
    });
  }

  stop() {
    this.child.kill("SIGTERM");
    return within(this.exited, "the proxy to end", kStartMs);
  }
}

/** Starts `name` in front of `server` and waits until it listens; it is stopped when the test `t` is over.
 *  `timeout` is that of reading, as the proxy writes it; `certificate` {cert, key} makes it speak TLS. */
export async function proxy(name, server, t, { timeout = "60s", certificate } = {}) {
  const { args, write } = kProxies[name];
  let output = "";
  for (let attempt = 0; attempt < 5; ++attempt) {
    const port = await quietPort();
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "sio-proxy-"));
    const file = path.join(folder, "configuration");
    if (certificate) fs.writeFileSync(path.join(folder, "site.pem"), certificate.cert + certificate.key, { mode: 0o600 });
    fs.writeFileSync(file, write(folder, { port, server, timeout, certificate }));
    const child = spawn(name.toLowerCase(), args(file, folder), { env, stdio: ["ignore", "pipe", "pipe"] });
    const started = new Proxy(name, port, Boolean(certificate), child, folder);
    const end = Date.now() + kStartMs;
    while (!started.ended && Date.now() < end) {
      if (await listens(port) && !started.ended) {
        t.after(() => started.stop());
        return started;
      }
      await sleep(20);
    }
    await started.stop();
    output = started.output;
  }
  throw new Error(`${name} does not listen:\n${output}`);
}
