// @ts-check
/** The steps of a run on one time axis; iterations are folded into their container until they are asked for. */
import { duration } from "../format.js";
import { html, useState } from "../ui/html.js";
import { button } from "../ui/parts.js";
import { rowsOf, stepWord, tookOf } from "./steps.js";

const MOST_ROWS = 400;

/**
 * @param {{steps: Map<string, any>, names: Map<string, string>, selected: string|null, now: number, begin: number,
 *   onSelect: (key: string) => void}} props
 */
export function Waterfall({ steps, names, selected, now, begin, onSelect }) {
  const [open, setOpen] = useState(new Set());
  const [most, setMost] = useState(MOST_ROWS);
  const fold = (key) =>
    setOpen((known) => {
      const next = new Set(known);
      if (!next.delete(key)) next.add(key);
      return next;
    });
  if (!steps.size) return html`<p class="quiet">No block has finished yet.</p>`;
  const list = [...steps.values()];
  const rows = rowsOf(list, open);
  const end = Math.max(begin + 1, ...list.map((step) => (step.cached_from ? 0 : endOf(step, now))));
  const axis = (from, until) => ({
    left: `${share(from - begin, end - begin)}%`,
    width: `${Math.max(0.5, share(until - from, end - begin))}%`,
  });
  const showMore = () => setMost(most + MOST_ROWS);
  return html`<ol class="waterfall" aria-label="Steps">
    ${rows
      .slice(0, most)
      .map(
        (row) =>
          html`<${Row}
            key=${`${row.kind} ${row.key}`}
            ...${{ row, names, now, axis, onSelect, fold }}
            isOpen=${open.has(row.key)}
            isSelected=${row.kind === "step" && selected === row.key}
          />`,
      )}
    ${rows.length > most && html`<li>${button(`Show ${rows.length - most} more`, showMore, "small")}</li>`}
  </ol>`;
}

/** When a step ended, or now while it is under way; 0 when it has not begun. */
const endOf = (step, now) => Date.parse(step.finished_at || "") || (step.started_at ? now : 0);

const share = (part, whole) => Math.min(100, Math.max(0, (part / whole) * 100));

function Row({ row, names, now, axis, onSelect, fold, isOpen, isSelected }) {
  const indent = { paddingLeft: `${row.depth * 16}px` };
  const label = names.get(row.label) || row.label;
  return html`<li class="fall-row" style=${indent}>
    ${
      row.folds
        ? html`<button
            type="button"
            class="icon-button fold"
            aria-expanded=${String(isOpen)}
            aria-label=${`${isOpen ? "Fold" : "Unfold"} ${label}`}
            onClick=${() => fold(row.key)}
          >
            <svg width="8" height="8" viewBox="0 0 8 8" fill="currentColor" aria-hidden="true">
              <path d="M2 0l4 4-4 4z" />
            </svg>
          </button>`
        : html`<span class="fold"></span>`
    }
    ${
      row.kind === "step"
        ? html`<${StepLine} ...${{ step: row.step, label, now, axis, onSelect, isSelected }} />`
        : html`<${ScopeLine} ...${{ steps: row.steps, label, now, axis }} onFold=${() => fold(row.key)} />`
    }
  </li>`;
}

function StepLine({ step, label, now, axis, onSelect, isSelected }) {
  const [state, word] = stepWord(step.status);
  const took = tookOf(step, now);
  const isOver = step.status === "completed" || (step.status === "failed" && took !== null);
  const said = isOver ? duration(took) : word.toLowerCase();
  const hasRun = !step.cached_from && step.started_at && step.status !== "skipped";
  const place = hasRun && axis(Date.parse(step.started_at), endOf(step, now));
  return html`<button
    type="button"
    class="fall-line"
    data-step=${step.step_key}
    data-reused=${step.cached_from ? "" : undefined}
    aria-pressed=${String(isSelected)}
    onClick=${() => onSelect(step.step_key)}
  >
    <span class="mark fall-name" data-state=${state}>
      ${label}<span class="visually-hidden"> ${step.cached_from ? "reused" : word}</span>
    </span>
    ${bar(state, place)}
    <span class="fall-said number">${step.cached_from ? "reused" : said}</span>
  </button>`;
}

function ScopeLine({ steps, label, now, axis, onFold }) {
  const begin = Math.min(...steps.map((step) => Date.parse(step.started_at || "") || Infinity));
  const end = Math.max(...steps.map((step) => endOf(step, now)));
  const hasBegun = begin < Infinity;
  const isRunning = steps.some((step) => step.status === "running");
  const state = steps.some((step) => step.status === "failed") ? "failed" : isRunning ? "running" : "done";
  return html`<button type="button" class="fall-line" onClick=${onFold}>
    <span class="mark fall-name" data-state=${state}>${label}</span>
    ${bar(state, hasBegun && axis(begin, end))}
    <span class="fall-said number">${hasBegun && duration(end - begin)}</span>
  </button>`;
}

const bar = (state, place) =>
  html`<span class="fall-axis">
    ${place && html`<span class="fall-bar" data-state=${state} style=${place}></span>`}
  </span>`;
