// @ts-check
/** A form below a button of the tool bar, drawn again when what is listed or how it looks changes. */
import { html, useEffect, useState } from "../../ui/html.js";
import { openMenu } from "../../ui/menu.js";

/**
 * @param {any} grid @param {Element} anchor @param {string} label
 * @param {any} view the component; it gets `grid`, `close` and what else `props` has
 */
export function openPanel(grid, anchor, label, view, props = {}) {
  const draw = (close) => html`<${Fresh} grid=${grid} view=${view} props=${{ ...props, grid, close }} />`;
  openMenu(anchor, draw, { label, isForm: true });
}

function Fresh({ grid, view, props }) {
  const [, draw] = useState(0);
  useEffect(() => {
    const open = new AbortController();
    const again = () => draw((times) => times + 1);
    for (const type of ["sheet:view", "sheet:total"]) grid.addEventListener(type, again, { signal: open.signal });
    return () => open.abort();
  }, []);
  return html`<${view} ...${props} />`;
}
