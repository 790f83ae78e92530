// @ts-check
/** The one socket of this page's workspace, opened for whoever asks first. */
import { Live } from "./live.js";

/** @type {{take: (events: any[]) => void, missed: () => void}[]} */
const watching = [];
let wasOpen = false;

/** @param {(events: any[]) => void} take @param {() => void} missed something may have been missed: read anew */
export function watchWorkspace(take, missed) {
  watching.push({ take, missed });
  if (watching.length > 1) return;
  const tellMissed = () => {
    for (const each of watching) each.missed();
  };
  new Live(`/ws/workspace/?workspace=${document.documentElement.dataset.workspace}`, {
    onHello: (resumed) => {
      if (wasOpen && !resumed) tellMissed();
      wasOpen = true;
    },
    onEvents: (events) => {
      for (const each of watching) each.take(events);
    },
    onPruned: tellMissed,
    onState: () => {},
  }).start();
}
