// @ts-check
/** REST calls: JSON in and out, the session's CSRF token, the page's workspace, problem documents as errors. */

/** A refusal of the server, as RFC 9457 words it; `code` is stable, `message` is for people. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `The server answered ${status}.`);
    this.status = status;
    this.code = body.code || "unknown";
    this.body = body;
    /** @type {Object<string, string[]>} */
    this.errors = body.errors || {};
  }

  /** Everything there is to say, one line each. */
  get lines() {
    const fields = Object.entries(this.errors).map(([name, words]) => `${name}: ${[].concat(words).join(" ")}`);
    return [this.message, ...fields];
  }
}

const root = document.documentElement;

function token() {
  const meta = document.querySelector('meta[name="csrf-token"]');
  return meta instanceof HTMLMetaElement ? meta.content : "";
}

/**
 * Call `/api/v1/` + path.
 * @param {string} method
 * @param {string} path without the leading slash, with the trailing one
 * @param {{query?: Object, body?: any, signal?: AbortSignal, key?: string, match?: string}} [options] `body` may be
 *   FormData; `key` is the Idempotency-Key, `match` the If-Match.
 */
export async function api(method, path, { query, body, signal, key, match } = {}) {
  const url = new URL(`/api/v1/${path}`, location.origin);
  for (const [name, value] of Object.entries(query || {})) {
    if (value !== undefined && value !== null) url.searchParams.set(name, String(value));
  }
  const headers = { Accept: "application/json" };
  if (root.dataset.workspace) headers["X-Workspace"] = root.dataset.workspace;
  if (method !== "GET") headers["X-CSRFToken"] = token();
  if (key) headers["Idempotency-Key"] = key;
  if (match) headers["If-Match"] = match;
  const isForm = body instanceof FormData;
  if (body !== undefined && !isForm) headers["Content-Type"] = "application/json";
  const response = await fetch(url, {
    method,
    headers,
    signal,
    credentials: "same-origin",
    body: body === undefined || isForm ? body : JSON.stringify(body),
  });
  return answer(response);
}

async function answer(response) {
  if (response.status === 204) return null;
  const isJson = (response.headers.get("Content-Type") || "").includes("json");
  const body = isJson ? await response.json() : {};
  if (response.ok) return body;
  if (response.status === 401) location.assign(`/login/?next=${encodeURIComponent(location.pathname)}`);
  throw new Problem(response.status, body);
}

/** Every entry of a list. @param {string} path */
export async function all(path) {
  const found = [];
  for (let after; ;) {
    const page = await api("GET", path, { query: { limit: 500, after } });
    found.push(...page.results);
    if (!page.next) return found;
    after = page.next;
  }
}

/** A key for one intention: sent again, it starts nothing twice. Also where the page is not served over TLS. */
export const intent = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** What to tell of an error of `api`, one line each. */
export const linesOf = (error) =>
  error instanceof Problem ? error.lines : ["The server could not be reached. Try again."];

/** Whether an error means "asked for and then not wanted any more". */
export function isAbort(error) {
  return error instanceof DOMException && error.name === "AbortError";
}
