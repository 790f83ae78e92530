// @ts-check
/** Sending a form: busy while it is under way, and then the lines of what was wrong with it. */
import { linesOf } from "../api.js";
import { useState } from "./html.js";

/**
 * `send` keeps what an error says; it stays busy if `act` answers true, which says that the page is being left.
 * @returns {{busy: boolean, faults: string[], setFaults: (lines: string[]) => void,
 *   send: (act: () => Promise<any>) => Promise<void>}}
 */
export function useSending() {
  const [busy, setBusy] = useState(false);
  const [faults, setFaults] = useState(/** @type {string[]} */ ([]));
  const send = async (act) => {
    setBusy(true);
    setFaults([]);
    let isLeaving = false;
    try {
      isLeaving = (await act()) === true;
    } catch (error) {
      setFaults(linesOf(error));
    }
    setBusy(isLeaving);
  };
  return { busy, faults, setFaults, send };
}
