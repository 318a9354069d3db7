// Certificates of one test run, made by OpenSSL: an authority, a server called localhost and a client
// that it vouches for, and a stranger.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHash, X509Certificate } from "node:crypto";

export class Certificates {
  #folder = mkdtempSync(join(tmpdir(), "pipit-certificates-"));

  constructor() {
    this.#issue("ca", [], ["basicConstraints=critical,CA:TRUE"]);
    this.#issue("server", this.#signer, ["subjectAltName=DNS:localhost,IP:127.0.0.1"]);
    this.#issue("client", this.#signer, ["extendedKeyUsage=clientAuth"]);
    this.#issue("stranger", [], ["basicConstraints=critical,CA:TRUE"]);
  }

  get #signer() { return ["-CA", this.path("ca.pem"), "-CAkey", this.path("ca.key")]; }

  #issue(name, signer, extensions) {
    const openssl = (...args) => execFileSync("openssl", args, { stdio: ["ignore", "pipe", "ignore"] });
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", this.path(`${name}.key`), "-out", this.path(`${name}.csr`),
            "-subj", `/CN=pipit test ${name}`);
    writeFileSync(this.path(`${name}.ext`), extensions.join("\n") + "\n");
    openssl("x509", "-req", "-in", this.path(`${name}.csr`), "-days", "2", "-out", this.path(`${name}.pem`),
            "-extfile", this.path(`${name}.ext`),
            ...(signer.length ? [...signer, "-CAcreateserial"] : ["-signkey", this.path(`${name}.key`)]));
  }

  path(file) { return join(this.#folder, file); }
  text(file) { return readFileSync(this.path(file), "utf8"); }
  // The text of a `tls` block for the server.
  block(more = "") {
    return `tls { cert_file: "${this.path("server.pem")}", key_file: "${this.path("server.key")}"\n${more} }`;
  }
  // What Chromium's --ignore-certificate-errors-spki-list wants.
  get serverSpki() {
    const key = new X509Certificate(this.text("server.pem")).publicKey;
    return createHash("sha256").update(key.export({ type: "spki", format: "der" })).digest("base64");
  }

  remove() { rmSync(this.#folder, { recursive: true, force: true }); }
}
