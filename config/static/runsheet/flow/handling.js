// @ts-check
/** How a block is tried again, how long it may take, and whether it takes part at all. */
import { html } from "../ui/html.js";
import { tick } from "../ui/parts.js";
import { Field } from "./fields.js";
import { merged, placed } from "./values.js";

const number = (name, label, help = "") => ({ name, label, kind: "number", help });
const select = (name, label, options) => ({ name, label, kind: "select", options, default: options[0] });
const RETRY = [
  number("max_attempts", "Attempts", "1 is no retry."),
  select("kind", "Waits", ["fixed", "exponential"]),
  number("delay_seconds", "Seconds between"),
  number("cap_seconds", "At most so many seconds between"),
  select("on_unknown", "When nobody knows whether it happened", ["ask", "retry", "fail"]),
];
const TIMEOUT = number("timeout_seconds", "Time limit in seconds");

/** @param {{block: any, type: any, env: any, change: (changes: any, tag: string) => void, faults: any[]}} props */
export function Handling({ block, type, env, change, faults }) {
  const own = placed(
    [{ name: "retry", kind: "object", fields: RETRY }, TIMEOUT],
    block,
    faults.map((fault) => ({ ...fault, field: `config.${fault.field}` })),
  );
  const isFaulty = [...own.keys()].some((path) => path.startsWith("retry") || path === "timeout_seconds");
  const shown = { ...env, id: "handling", faults: own };
  const put = (name, value) => {
    const retry = merged(block.retry, { [name]: value });
    change({ retry: Object.keys(retry).length ? retry : undefined }, `retry ${name}`);
  };
  const row = (field) =>
    html`<${Field}
      key=${field.name}
      field=${{ ...field, default: type?.default_retry?.[field.name] ?? field.default }}
      path=${`retry.${field.name}`}
      value=${block.retry?.[field.name]}
      set=${(value) => put(field.name, value)}
      env=${shown}
    />`;
  const takePart = (on) => change({ enabled: on ? undefined : false }, "enabled");
  return html`<section>
    <details class="body more" open=${isFaulty || Boolean(block.retry)}>
      <summary>Retries, time limit, on error</summary>
      ${!type?.container && RETRY.map(row)}
      <${Field}
        field=${{ ...TIMEOUT, default: type?.default_timeout_seconds }}
        path="timeout_seconds"
        value=${block.timeout_seconds ?? undefined}
        set=${(value) => change({ timeout_seconds: value }, "timeout")}
        env=${shown}
      />
      <p class="hint">If it fails, the run fails; unless another block runs after its port error.</p>
      ${tick("Takes part in runs", block.enabled !== false, takePart, { disabled: env.off })}
    </details>
  </section>`;
}
