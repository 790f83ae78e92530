// @ts-check
/** Asking while somebody is still typing: not before it has settled, and no longer than the answer is wanted. */
import { useEffect } from "./html.js";

/**
 * Do something when `inputs` have stood still for `ms`. The signal says that they have changed since.
 * @param {(signal: AbortSignal) => any} act @param {number} ms @param {any[]} inputs
 */
export function useSettled(act, ms, inputs) {
  useEffect(() => {
    const leaving = new AbortController();
    const timer = setTimeout(() => act(leaving.signal), ms);
    return () => {
      clearTimeout(timer);
      leaving.abort();
    };
  }, inputs);
}
