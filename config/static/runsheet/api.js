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

/** Whether an error means "asked for and then not wanted any more". */
export function isAbort(error) {
  return error instanceof DOMException && error.name === "AbortError";
}
