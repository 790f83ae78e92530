// @ts-check
/** What a grid does about what it is told of its table. */

/** @param {any} grid */
export function hear(grid) {
  const on = (type, act) =>
    grid.session.addEventListener(type, (event) => act(/** @type {CustomEvent} */ (event).detail));
  on("ready", () => grid.begin());
  on("cells", (events) => grid.store.apply(events));
  on("rows", (event) => listChanged(grid, event));
  on("job", ({ status }) => {
    if (status !== "running" && status !== "queued") grid.refetch();
  });
  on("schema", () => grid.loadSchema());
  on("resync", () => {
    grid.loadSchema();
    grid.reread();
  });
  on("dispatches", () => grid.rowsChanged(null, false));
  on("foretold", () => grid.reread());
  on("summary", () => grid.showSummary());
  on("state", () => showState(grid.session.state));
}

/** Rows came, went, or changed in a way the event does not carry. */
function listChanged(grid, event) {
  const isOld = event.changed && grid.store.invalidateRows(event.changed);
  if (event.inserted || event.deleted || event.more) grid.refetch();
  else if (isOld) grid.refetching.soon("later", () => grid.window.later());
}

function showState(state) {
  const chip = document.getElementById("live-state");
  if (!chip) return;
  chip.hidden = state === "open";
  chip.textContent = state === "ended" ? "Not live: reload the page" : "Reconnecting…";
}
