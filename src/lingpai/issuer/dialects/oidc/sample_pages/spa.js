// A client of the standard protocol in a browser: PKCE (RFC 7636), DPoP (RFC 9449), CORS, WebCrypto, and no library.

const { issuer, client, redirect } = document.getElementById("spa").dataset;
const chinese = document.documentElement.lang.startsWith("zh");
const say = (zh, en) => (chinese ? zh : en);
const EC = { name: "ECDSA", namedCurve: "P-256" };
const SIGN = { name: "ECDSA", hash: "SHA-256" };
const SECRETS = ["access_token", "refresh_token", "id_token", "code", "code_verifier", "device_code"];
const tokens = {}; // of this page; a reload forgets them

// Bytes and texts

const bytes = (text) => new TextEncoder().encode(text);
const encode = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const decode = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const hash = async (text) => encode(await crypto.subtle.digest("SHA-256", bytes(text)));
const random = () => encode(crypto.getRandomValues(new Uint8Array(32)));
const json = (part) => JSON.parse(new TextDecoder().decode(decode(part)));

// What is shown

const element = (name, text, className) => {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  if (className) made.className = className;
  return made;
};
const mask = (value) => (value.length > 12 ? `${value.slice(0, 6)}…` : "…");
const masked = (name, value) => (SECRETS.includes(name) && typeof value === "string" ? mask(value) : value);
const steps = document.getElementById("steps");

function show(title, request, params, status, answer) {
  const step = element("details", "", "step");
  const summary = element("summary", `${steps.childElementCount + 1}. ${title} `);
  if (status) summary.append(element("span", String(status), status >= 400 ? "status bad" : "status"));
  step.open = true;
  step.append(summary);
  if (request) step.append(element("code", request));
  const list = element("dl");
  for (const [name, value] of Object.entries(params)) {
    const cell = element("dd");
    cell.append(element("code", masked(name, value)));
    list.append(element("dt", name), cell);
  }
  step.append(list);
  if (answer) step.append(element("pre", JSON.stringify(answer, masked, 2)));
  steps.append(step);
}

function state(text, ...names) {
  document.getElementById("state").textContent = text;
  for (const button of document.querySelectorAll("[data-do]")) button.hidden = !names.includes(button.dataset.do);
}

// The key: it cannot be exported, and outlives the redirect in IndexedDB

const store = () => new Promise((resolve, reject) => {
  const opening = indexedDB.open("lingpai-sample", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("keys");
  opening.onsuccess = () => resolve(opening.result);
  opening.onerror = () => reject(opening.error);
});
const inStore = async (mode, use) => {
  const keys = (await store()).transaction("keys", mode).objectStore("keys");
  return new Promise((resolve, reject) => {
    const asked = use(keys);
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
};

async function keyPair() {
  const kept = await inStore("readonly", (keys) => keys.get("dpop"));
  if (kept) return kept;
  const made = await crypto.subtle.generateKey(EC, false, ["sign", "verify"]);
  await inStore("readwrite", (keys) => keys.put(made, "dpop"));
  return made;
}

async function publicKey() {
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", (await keyPair()).publicKey);
  return { crv, kty, x, y }; // the members of a thumbprint, in its order (RFC 7638 §3.2)
}

const thumbprint = async () => hash(JSON.stringify(await publicKey()));

async function proof(method, url, nonce, token) {
  const header = { typ: "dpop+jwt", alg: "ES256", jwk: await publicKey() };
  const claims = { jti: random(), htm: method, htu: url, iat: Math.floor(Date.now() / 1000) };
  if (nonce) claims.nonce = nonce;
  if (token) claims.ath = await hash(token);
  const signed = [header, claims].map((part) => encode(bytes(JSON.stringify(part)))).join(".");
  return `${signed}.${encode(await crypto.subtle.sign(SIGN, (await keyPair()).privateKey, bytes(signed)))}`;
}

// Requests

let nonce = "";

async function ask(title, method, url, params = {}, token = "") {
  for (let attempt = 1; ; attempt += 1) {
    const headers = { DPoP: await proof(method, url, nonce, token) };
    if (token) headers.Authorization = `DPoP ${token}`;
    const body = method === "POST" ? new URLSearchParams(params) : undefined;
    const answer = await fetch(url, { method, headers, body });
    const value = await answer.json();
    show(title, `${method} ${url}`, params, answer.status, value);
    nonce = answer.headers.get("DPoP-Nonce") ?? nonce;
    const wanted = value.error === "use_dpop_nonce" || answer.headers.get("WWW-Authenticate")?.includes("use_dpop_nonce");
    if (answer.ok) return value;
    if (!wanted || attempt > 1) throw new Error(value.error);
  }
}

async function read(title, url) {
  const answer = await fetch(url);
  const value = await answer.json();
  show(title, `GET ${url}`, {}, answer.status);
  return value;
}

const metadata = await read(say("读取元数据", "Read the metadata"), `${issuer}/.well-known/openid-configuration`);

async function verify(expected) {
  const [header, claims, signature] = tokens.id_token.split(".");
  const head = json(header);
  const { keys } = await read(say("读取公钥", "Read the public keys"), metadata.jwks_uri);
  const jwk = keys.find((key) => key.kid === head.kid);
  if (head.alg !== "ES256" || !jwk) throw new Error("id_token: alg, kid");
  const key = await crypto.subtle.importKey("jwk", jwk, EC, false, ["verify"]);
  const good = await crypto.subtle.verify(SIGN, key, decode(signature), bytes(`${header}.${claims}`));
  const found = json(claims);
  if (!good || found.iss !== issuer || found.aud !== client || found.exp <= Date.now() / 1000) {
    throw new Error("id_token: signature, iss, aud, exp");
  }
  if (expected !== undefined && found.nonce !== expected) throw new Error("id_token: nonce");
  show(say("id_token 已校验", "The id_token was verified"), "", {}, 0, { header: head, claims: found });
}

const signedIn = () => state(
  say("已登录。", "Signed in."), "readUser", "refresh", ...(metadata.end_session_endpoint ? ["logOut"] : []),
);

const actions = {
  async signIn() {
    const kept = { verifier: random(), state: random(), nonce: random() };
    sessionStorage.setItem("asked", JSON.stringify(kept));
    const query = new URLSearchParams({
      response_type: "code", client_id: client, redirect_uri: redirect, scope: "openid profile email",
      state: kept.state, nonce: kept.nonce, dpop_jkt: await thumbprint(),
      code_challenge: await hash(kept.verifier), code_challenge_method: "S256",
    });
    location.assign(`${metadata.authorization_endpoint}?${query}`);
  },

  async readUser() {
    await ask(say("读取用户", "Read the user"), "GET", metadata.userinfo_endpoint, {}, tokens.access_token);
  },

  async refresh() {
    const params = { grant_type: "refresh_token", client_id: client, refresh_token: tokens.refresh_token };
    Object.assign(tokens, await ask(say("刷新令牌", "Refresh"), "POST", metadata.token_endpoint, params));
    await verify();
  },

  async logOut() {
    const query = new URLSearchParams({
      id_token_hint: tokens.id_token, client_id: client, post_logout_redirect_uri: redirect,
    });
    location.assign(`${metadata.end_session_endpoint}?${query}`);
  },
};

async function finish(answer) {
  const asked = JSON.parse(sessionStorage.getItem("asked") ?? "{}");
  sessionStorage.removeItem("asked");
  history.replaceState(null, "", location.pathname); // nobody copies the code
  show(say("浏览器带回结果", "The browser brings the answer"), `GET ${redirect}`, answer);
  if (!asked.state || answer.state !== asked.state || answer.iss !== issuer) throw new Error("state, iss");
  if (answer.error) throw new Error(answer.error);
  const params = {
    grant_type: "authorization_code", client_id: client, redirect_uri: redirect,
    code: answer.code, code_verifier: asked.verifier,
  };
  Object.assign(tokens, await ask(say("用授权码换令牌", "Exchange the code"), "POST", metadata.token_endpoint, params));
  await verify(asked.nonce);
  signedIn();
  await actions.readUser();
}

const attempt = async (action) => {
  try {
    await action();
  } catch (error) {
    state(say(`未成功：${error.message}`, `That did not work: ${error.message}`), "signIn");
  }
};

for (const button of document.querySelectorAll("[data-do]")) {
  button.addEventListener("click", () => attempt(actions[button.dataset.do]));
}
const answer = Object.fromEntries(new URLSearchParams(location.search));
if (answer.state) await attempt(() => finish(answer));
else state(say("未登录。", "Not signed in."), "signIn");
