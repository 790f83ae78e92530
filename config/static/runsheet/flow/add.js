// @ts-check
/** The menu of block types: typed into, it narrows down. */
import { html, useState } from "../ui/html.js";
import { closeMenu, openMenu } from "../ui/menu.js";

/** What a block is in one line. */
const first = (docs) => docs.split("\n\n")[0].replaceAll("``", "").replace(/\s+/g, " ");

/**
 * @param {Element} anchor
 * @param {{types: any[], handles: string[], onPick: (type: any, handle: string) => void, label: string, at?: {x: number, y: number}}} what
 *   `handles` are the ports to choose among; one that is alone is not asked for
 */
export function openAdd(anchor, { types, handles, onPick, label, at }) {
  openMenu(
    anchor,
    (close) =>
      html`<${Types}
        ...${{ types, handles, label }}
        onPick=${(type, handle) => {
          close();
          onPick(type, handle);
        }}
      />`,
    { label, at },
  );
}

function Types({ types, handles, onPick, label }) {
  const [sought, setSought] = useState("");
  const [handle, setHandle] = useState(handles[0] || "source");
  const words = sought.toLowerCase();
  const found = types
    .filter((type) => `${type.title} ${type.type} ${type.docs}`.toLowerCase().includes(words))
    .sort((a, b) => Number(b.title.toLowerCase().startsWith(words)) - Number(a.title.toLowerCase().startsWith(words)));
  return html`<h3>${label}</h3>
    <input
      class="search"
      type="search"
      aria-label="Kind of block"
      placeholder="Search blocks"
      value=${sought}
      onInput=${(event) => setSought(event.currentTarget.value)}
      onKeyDown=${(event) => {
        if (event.key === "Enter" && found.length) onPick(found[0], handle);
      }}
    />
    ${handles.length > 1 && html`<div class="segments" role="radiogroup" aria-label="Leaving by">${handles.map((each) => html`<button type="button" role="radio" aria-checked=${String(each === handle)} onClick=${() => setHandle(each)}>${each}</button>`)}</div>`}
    ${found.map(
      (type) =>
        html`<button type="button" class="item type-item" key=${type.type} onClick=${() => onPick(type, handle)}>
          <span><strong>${type.title}</strong><span class="quiet">${first(type.docs)}</span></span>
        </button>`,
    )}
    ${!found.length && html`<p class="note">No block does this. <button type="button" class="as-link" onClick=${closeMenu}>Close</button></p>`}`;
}
