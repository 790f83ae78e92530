// @ts-check
/** The drawing board: cards to walk by arrows, zoomed and moved, joined by pulling an edge from one card to another. */
import { openMenu } from "../ui/menu.js";
import { html, icon, useEffect, useRef, useState } from "../ui/html.js";
import { connect, handlesOf, lineOf, mayConnect, titleOf } from "./draft.js";
import { Drawing, laidOut } from "./graph.js";
import { homesOf, neighbour } from "./layout.js";

const CARD = { width: 196, height: 86, head: 100 };
const ZOOMS = { least: 0.3, most: 1.6, step: 1.2 };
const bounded = (zoom) => Math.min(ZOOMS.most, Math.max(ZOOMS.least, zoom));

/** @param {{editor: any}} props */
export function Canvas({ editor }) {
  const board = useRef(/** @type {HTMLElement|null} */ (null));
  const [zoom, setZoom] = useState(1);
  const [wire, setWire] = useState(/** @type {{from: string, path: string}|null} */ (null));
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
    const act =
      {
        Enter: () => editor.select(key, true),
        Delete: () => editor.drop(key),
        Backspace: () => editor.drop(key),
        a: () => editor.add(event.target, { after: key }),
      }[event.key] ||
      (event.key.startsWith("Arrow") && (() => editor.walk(neighbour(nodes, key, event.key) || key)));
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
    const move = (now) =>
      setWire({
        from,
        path: `M${begin.x} ${begin.y}L${(now.clientX - frame.left) / zoom} ${(now.clientY - frame.top) / zoom}`,
      });
    const end = (now) => {
      removeEventListener("pointermove", move);
      setWire(null);
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
    if (
      !box ||
      event.button !== 0 ||
      event.pointerType === "touch" ||
      event.target.closest("button, .flow-bar, .flow-zoom")
    )
      return;
    const from = { x: event.clientX + box.scrollLeft, y: event.clientY + box.scrollTop };
    const move = (now) => box.scrollTo(from.x - now.clientX, from.y - now.clientY);
    addEventListener("pointermove", move);
    addEventListener("pointerup", () => removeEventListener("pointermove", move), { once: true });
  };

  const after = (block) => (node) =>
    html`${
      editor.mayEdit &&
      html`<div
          class="flow-bar"
          key=${`${block.key} bar`}
          role="group"
          aria-label=${`What to do with ${titleOf(block)}`}
          style=${{ left: `${node.x + node.width}px`, top: `${node.y}px` }}
        >
          <button type="button" class="primary" onClick=${() => editor.plan({ start_block: block.key })}>
            ${icon("play")}Run from here
          </button>
          <button type="button" onClick=${() => editor.plan({ stop_after: block.key })}>Run until here</button>
          ${types.get(block.type)?.handles.length !== 0 && html`<button type="button" onClick=${(event) => editor.add(event.currentTarget, { after: block.key })}>Add after</button>`}
        </div>
        ${types.get(block.type)?.handles.length !== 0 && html`<span class="flow-port" key=${`${block.key} port`} data-port=${block.key} aria-hidden="true" title="Pull to another block" style=${{ left: `${node.x + node.width / 2}px`, top: `${node.y + node.height}px` }}></span>`}`
    }`;
  const extra = (block) => {
    const faults = editor.faultsOf(block.key);
    const mark = planned
      ? planned.again.has(block.key)
        ? "again"
        : planned.kept.has(block.key)
          ? "kept"
          : ""
      : editor.reused.has(block.key)
        ? "kept"
        : "";
    return {
      line: lineOf(block, types.get(block.type)),
      faults: faults.length,
      said: faults.map((fault) => fault.message).join("\n"),
      mark,
      tab: block.key === current ? 0 : -1,
      after: after(block),
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
          edgeClass=${(edge) => (planned && planned.again.has(edge.to) ? "dashed" : "")}
          wire=${wire && wire.path}
        />
      </div>
    </div>
    ${!draft.blocks.length && html`<p class="quiet">There is no block yet.</p>`}
    <div class="flow-zoom" role="group" aria-label="Zoom">
      <button type="button" aria-label="Zoom out" onClick=${() => setZoom(bounded(zoom / ZOOMS.step))}>−</button>
      <button type="button" onClick=${() => setZoom(1)} aria-label=${`${Math.round(zoom * 100)}%, back to 100%`}>
        ${Math.round(zoom * 100)}%
      </button>
      <button type="button" aria-label="Zoom in" onClick=${() => setZoom(bounded(zoom * ZOOMS.step))}>+</button
      ><button type="button" onClick=${fit}>Fit</button>
    </div>
  </div>`;
}

/** Join two blocks; where the first has several ports, ask by which. */
function join(editor, anchor, from, to) {
  const block = editor.draft.blocks.find((each) => each.key === from);
  const ports = handlesOf(editor.draft, block, editor.types.get(block.type)).filter((handle) => handle !== "error");
  const by = (handle) => editor.change(connect(editor.draft, from, handle, to), `edge ${from} ${handle} ${to}`);
  if (ports.length < 2) return by(ports[0] || "source");
  return openMenu(
    anchor,
    (close) =>
      html`<h3>Leaving by</h3>
        ${ports.map(
          (handle) =>
            html`<button
              type="button"
              class="item"
              onClick=${() => {
                close();
                by(handle);
              }}
            >
              ${handle}
            </button>`,
        )}`,
    { label: "Port" },
  );
}

/** The same as a list, in the order in which blocks run. @param {{editor: any}} props */
export function Outline({ editor }) {
  const { draft, types } = editor;
  const { nodes } = laidOut(draft, CARD);
  const homes = homesOf(draft.blocks);
  const level = (parent) =>
    draft.blocks
      .filter((block) => homes.get(block.key) === parent)
      .sort((a, b) => nodes.get(a.key).y - nodes.get(b.key).y || nodes.get(a.key).x - nodes.get(b.key).x);
  const list = (parent, label) =>
    html`<ol class="flow-outline" aria-label=${label}>
      ${level(parent).map((block) => {
        const { state, word } = editor.states.get(block.key);
        const faults = editor.faultsOf(block.key);
        const from = draft.edges.filter((edge) => edge.to === block.key).map((edge) => edge.from);
        return html`<li key=${block.key}>
          <button
            type="button"
            class="outline-row"
            data-block=${block.key}
            aria-pressed=${String(editor.selected === block.key)}
            onClick=${() => editor.select(block.key, true)}
          >
            <strong>${titleOf(block)}</strong>${" "}<span class="quiet"
              >${types.get(block.type)?.title || block.type}${from.length ? `, after ${from.join(" and ")}` : ""}</span
            >
            <span class="quiet line">${lineOf(block, types.get(block.type))}</span
            ><span class="mark" data-state=${state}>${word}</span
            >${faults.length > 0 && html`<span class="flow-faults">${faults.length}<span class="visually-hidden"> faults</span></span>`}
          </button>
          ${level(block.key).length > 0 && list(block.key, `Inside ${titleOf(block)}`)}
        </li>`;
      })}
    </ol>`;
  return html`<div class="flow-list">${list(null, "Blocks")}</div>`;
}
