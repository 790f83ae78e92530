// @ts-check
/** The menu of block types: typed into, it narrows down. */
import { Segments } from "../ui/fields.js";
import { html, useState } from "../ui/html.js";
import { closeMenu, openMenu } from "../ui/menu.js";

/** What a block is in one line. */
const first = (docs) => docs.split("\n\n")[0].replaceAll("``", "").replace(/\s+/g, " ");

/**
 * @param {Element} anchor
 * @param {{types: any[], handles: string[], onPick: (type: any, handle: string) => void, label: string}} what
 *   `handles` are the ports to choose among; one that is alone is not asked for
 */
export const openAdd = (anchor, what) => openMenu(anchor, () => html`<${Types} ...${what} />`, { label: what.label });

function Types({ types, handles, onPick, label }) {
  const [sought, setSought] = useState("");
  const [handle, setHandle] = useState(handles[0] || "source");
  const words = sought.toLowerCase();
  const begins = (type) => Number(type.title.toLowerCase().startsWith(words));
  const found = types
    .filter((type) => `${type.title} ${type.type} ${type.docs}`.toLowerCase().includes(words))
    .sort((a, b) => begins(b) - begins(a));
  const pick = (type) => {
    closeMenu();
    onPick(type, handle);
  };
  const ports = handles.map((each) => [each, each]);
  return html`<h3>${label}</h3>
    <input
      class="search"
      type="search"
      aria-label="Kind of block"
      placeholder="Search blocks"
      value=${sought}
      onInput=${(event) => setSought(event.currentTarget.value)}
      onKeyDown=${(event) => {
        if (event.key === "Enter" && found.length) pick(found[0]);
      }}
    />
    ${ports.length > 1 && html`<${Segments} label="Leaving by" options=${ports} value=${handle} onPick=${setHandle} />`}
    ${found.map(
      (type) =>
        html`<button type="button" class="item type-item" key=${type.type} onClick=${() => pick(type)}>
          <span><strong>${type.title}</strong><span class="quiet">${first(type.docs)}</span></span>
        </button>`,
    )}
    ${
      !found.length &&
      html`<p class="note">
        No block does this.${" "}<button type="button" class="as-link" onClick=${closeMenu}>Close</button>
      </p>`
    }`;
}
