// @ts-check
/** The drawing board: cards to walk by arrows, zoomed and moved, joined by pulling an edge from one card to another. */
import { html, icon, useEffect, useRef, useState } from "../ui/html.js";
import { item, openMenu } from "../ui/menu.js";
import { blockOf, connect, handlesOf, lineOf, mayConnect, titleOf } from "./draft.js";
import { Drawing, MOST_DRAWN, TooLarge, laidOut } from "./graph.js";
import { neighbour } from "./places.js";

/** How large a card is here. */
export const CARD = { width: 196, height: 86, head: 100 };
const ZOOMS = { least: 0.3, most: 1.6, step: 1.2 };
const bounded = (zoom) => Math.min(ZOOMS.most, Math.max(ZOOMS.least, zoom));

/** @param {{editor: any}} props */
export function Canvas({ editor }) {
  const board = useRef(/** @type {HTMLElement|null} */ (null));
  const [zoom, setZoom] = useState(1);
  const [wire, setWire] = useState("");
  const { draft, types, selected, planned } = editor;
  const { nodes, width, height } = laidOut(draft, CARD);
  const current = nodes.has(editor.walked) ? editor.walked : nodes.has(selected) ? selected : nodes.keys().next().value;
  const fit = () =>
    board.current && setZoom(bounded(Math.min(1, (board.current.clientWidth - 64) / Math.max(1, width))));
  useEffect(fit, []);
  useEffect(() => {
    const wheel = (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      setZoom((known) => bounded(known * (event.deltaY < 0 ? 1.08 : 1 / 1.08)));
    };
    board.current?.addEventListener("wheel", wheel, { passive: false });
    return () => board.current?.removeEventListener("wheel", wheel);
  }, []);

  const keys = (event) => {
    const key = event.target.dataset?.block;
    if (!key || event.altKey || event.metaKey || event.ctrlKey) return;
    const acts = {
      Enter: () => editor.select(key, true),
      Delete: () => editor.drop(key),
      Backspace: () => editor.drop(key),
      a: () => editor.add(event.target, { after: key }),
    };
    const walk = () => editor.walk(neighbour(nodes, key, event.key) || key);
    const act = event.key.startsWith("Arrow") ? walk : acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };

  /** Pull an edge from a card's port to another card. */
  const pull = (event) => {
    const from = event.target.dataset.port;
    if (!from) return drag(event);
    event.preventDefault();
    const frame = board.current?.querySelector(".flow-area")?.getBoundingClientRect();
    const node = nodes.get(from);
    const begin = { x: node.x + node.width / 2, y: node.y + node.height };
    const move = (now) => {
      const [x, y] = [(now.clientX - frame.left) / zoom, (now.clientY - frame.top) / zoom];
      setWire(`M${begin.x} ${begin.y}L${x} ${y}`);
    };
    const end = (now) => {
      removeEventListener("pointermove", move);
      setWire("");
      const card = document
        .elementsFromPoint(now.clientX, now.clientY)
        .find((each) => each instanceof HTMLElement && each.dataset.block);
      if (card instanceof HTMLElement && mayConnect(draft, from, card.dataset.block))
        join(editor, card, from, card.dataset.block);
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", end, { once: true });
    return undefined;
  };

  /** The board itself is moved by its background. */
  const drag = (event) => {
    const box = board.current;
    const isElsewhere = event.target.closest("button, .flow-bar, .flow-zoom");
    if (!box || event.button !== 0 || event.pointerType === "touch" || isElsewhere) return;
    const from = { x: event.clientX + box.scrollLeft, y: event.clientY + box.scrollTop };
    const move = (now) => box.scrollTo(from.x - now.clientX, from.y - now.clientY);
    addEventListener("pointermove", move);
    addEventListener("pointerup", () => removeEventListener("pointermove", move), { once: true });
  };

  const extra = (block) => {
    const faults = editor.faultsOf(block.key);
    return {
      line: lineOf(block, types.get(block.type)),
      faults: faults.length,
      said: faults.map((fault) => fault.message).join("\n"),
      mark: markOf(editor, block.key),
      tab: block.key === current ? 0 : -1,
      after: (node) => editor.mayEdit && html`<${Beside} key=${`${block.key} beside`} ...${{ editor, block, node }} />`,
    };
  };
  return html`<div
    class="flow flow-board"
    ref=${board}
    role="group"
    aria-label="Graph"
    onKeyDown=${keys}
    onPointerDown=${pull}
  >
    <div class="flow-sized" style=${{ width: `${width * zoom}px`, height: `${height * zoom}px` }}>
      <div class="flow-area" style=${{ width: `${width}px`, height: `${height}px`, transform: `scale(${zoom})` }}>
        <${Drawing}
          graph=${draft}
          card=${CARD}
          states=${editor.states}
          selected=${selected}
          live=${editor.isTaken}
          onSelect=${(key) => editor.select(key)}
          extra=${extra}
          edgeClass=${(edge) => (planned?.again.has(edge.to) ? "dashed" : "")}
          wire=${wire}
        />
      </div>
    </div>
    ${draft.blocks.length > MOST_DRAWN && html`<${TooLarge} graph=${draft} />`}
    ${!draft.blocks.length && html`<p class="quiet">There is no block yet.</p>`}
    <div class="flow-zoom" role="group" aria-label="Zoom">
      <button type="button" aria-label="Zoom out" onClick=${() => setZoom(bounded(zoom / ZOOMS.step))}>−</button>
      <button type="button" onClick=${() => setZoom(1)} aria-label=${`${Math.round(zoom * 100)}%, back to 100%`}>
        ${Math.round(zoom * 100)}%
      </button>
      <button type="button" aria-label="Zoom in" onClick=${() => setZoom(bounded(zoom * ZOOMS.step))}>+</button>
      <button type="button" onClick=${fit}>Fit</button>
    </div>
  </div>`;
}

/** Whether a card is marked: runs again, or keeps what it has. */
function markOf({ planned, reused }, key) {
  if (!planned) return reused.has(key) ? "kept" : "";
  if (planned.again.has(key)) return "again";
  return planned.kept.has(key) ? "kept" : "";
}

/** What stands beside a card: what can be done with it, and the port to pull an edge from. */
function Beside({ editor, block, node }) {
  const goesOn = editor.types.get(block.type)?.handles.length !== 0;
  const at = (x, y) => ({ left: `${x}px`, top: `${y}px` });
  return html`<div
      class="flow-bar"
      role="group"
      aria-label=${`What to do with ${titleOf(block)}`}
      style=${at(node.x + node.width, node.y)}
    >
      <button type="button" class="primary" onClick=${() => editor.plan({ start_block: block.key })}>
        ${icon("play")}Run from here
      </button>
      <button type="button" onClick=${() => editor.plan({ stop_after: block.key })}>Run until here</button>
      ${
        goesOn &&
        html`<button type="button" onClick=${(event) => editor.add(event.currentTarget, { after: block.key })}>
          Add after
        </button>`
      }
    </div>
    ${
      goesOn &&
      html`<span
        class="flow-port"
        data-port=${block.key}
        aria-hidden="true"
        title="Pull to another block"
        style=${at(node.x + node.width / 2, node.y + node.height)}
      ></span>`
    }`;
}

/** Join two blocks; where the first has several ports, ask by which. */
function join(editor, anchor, from, to) {
  const block = blockOf(editor.draft, from);
  const ports = handlesOf(editor.draft, block, editor.types.get(block.type)).filter((handle) => handle !== "error");
  const by = (handle) => editor.change(connect(editor.draft, from, handle, to), `edge ${from} ${handle} ${to}`);
  if (ports.length < 2) return by(ports[0] || "source");
  const view = () =>
    html`<h3>Leaving by</h3>
      ${ports.map((handle) => item(handle, () => by(handle)))}`;
  return openMenu(anchor, view, { label: "Port" });
}
