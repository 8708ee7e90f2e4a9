// Certificates made by the `openssl` command while the test runs: authorities, what they sign, and what they take back.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

const kKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
const kConfig = `
[ca]
default_ca = one
[one]
database = index.txt
rand_serial = yes
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
default_days = 2
default_crl_days = 2
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
[req]
distinguished_name = any
`;

/** A folder that goes with the process. */
function folder() {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), "sio-tls-"));
  process.on("exit", () => fs.rmSync(made, { recursive: true, force: true }));
  return made;
}

export class Authority {
  #folder = folder();
  #issued = 0;

  constructor(name) {
    fs.writeFileSync(this.file("config"), kConfig);
    fs.writeFileSync(this.file("index.txt"), "");
    this.openssl("req", "-x509", ...kKey, "-keyout", "ca.key", "-out", "ca.pem", "-subj", `/CN=${name}`, "-days", "2");
    this.certificate = this.read("ca.pem");
  }

  file(name) { return path.join(this.#folder, name); }
  read(name) { return fs.readFileSync(this.file(name), "utf8"); }
  openssl(...args) { return execFileSync("openssl", args, { cwd: this.#folder, stdio: ["ignore", "pipe", "pipe"] }); }

  /** {name, cert, key}; `names`: subjectAltName ("DNS:localhost"), `expired`: its time is over. */
  issue(commonName, { names = [], expired = false } = {}) {
    const name = `issued${++this.#issued}`;
    const alternative = names.length > 0 ? ["-addext", `subjectAltName=${names.join(",")}`] : [];
    this.openssl("req", "-new", ...kKey, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${commonName}`, ...alternative);
    const time = expired ? ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"] : [];
    this.openssl("ca", "-batch", "-notext", "-config", "config", "-in", `${name}.csr`, "-out", `${name}.pem`, ...time);
    return { name, cert: this.read(`${name}.pem`), key: this.read(`${name}.key`) };
  }

  pfx({ name }, passphrase) {
    this.openssl("pkcs12", "-export", "-in", `${name}.pem`, "-inkey", `${name}.key`, "-out", `${name}.pfx`, "-passout", `pass:${passphrase}`);
    return fs.readFileSync(this.file(`${name}.pfx`));
  }

  /** A revocation list that takes these back (and what was taken back before). */
  revoke(...issued) {
    for (const { name } of issued) this.openssl("ca", "-config", "config", "-revoke", `${name}.pem`);
    this.openssl("ca", "-config", "config", "-gencrl", "-out", "crl.pem");
    return this.read("crl.pem");
  }
}

/** A certificate that nobody else has signed. */
export function selfSigned(commonName) {
  const alone = new Authority(commonName);
  return { cert: alone.certificate, key: alone.read("ca.key") };
}
