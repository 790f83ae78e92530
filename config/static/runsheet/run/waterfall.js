// @ts-check
/** The steps of a run on one time axis; iterations are folded into their container until they are asked for. */
import { duration } from "../format.js";
import { html, useState } from "../ui/html.js";
import { rowsOf, stepWord, tookOf } from "./steps.js";

const MOST_ROWS = 400;

/** @param {{steps: Map<string, any>, names: Map<string, string>, selected: string|null, now: number, begin: number, onSelect: (key: string) => void}} props */
export function Waterfall({ steps, names, selected, now, begin, onSelect }) {
  const [open, setOpen] = useState(new Set());
  const [most, setMost] = useState(MOST_ROWS);
  const fold = (key) =>
    setOpen((known) => {
      const next = new Set(known);
      if (!next.delete(key)) next.add(key);
      return next;
    });
  const list = [...steps.values()];
  const rows = rowsOf(list, open);
  const end = Math.max(
    begin + 1,
    ...list.map((step) => (step.cached_from ? 0 : Date.parse(step.finished_at || "") || (step.started_at ? now : 0))),
  );
  const axis = (from, until) => ({
    left: `${share(from - begin, end - begin)}%`,
    width: `${Math.max(0.5, share(until - from, end - begin))}%`,
  });
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
    ${rows.length > most && html`<li><button type="button" class="button small" onClick=${() => setMost(most + MOST_ROWS)}>Show ${rows.length - most} more</button></li>`}
  </ol>`;
}

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
  const said = step.cached_from
    ? "reused"
    : step.status === "completed" || (step.status === "failed" && took !== null)
      ? duration(took)
      : word.toLowerCase();
  const bar = !step.cached_from && step.started_at && step.status !== "skipped";
  return html`<button
    type="button"
    class="fall-line"
    data-step=${step.step_key}
    data-reused=${step.cached_from ? "" : undefined}
    aria-pressed=${String(isSelected)}
    onClick=${() => onSelect(step.step_key)}
  >
    <span class="mark fall-name" data-state=${state}
      >${label}<span class="visually-hidden"> ${step.cached_from ? "reused" : word}</span></span
    >
    <span class="fall-axis"
      >${bar && html`<span class="fall-bar" data-state=${state} style=${axis(Date.parse(step.started_at), Date.parse(step.finished_at || "") || now)}></span>`}</span
    >
    <span class="fall-said number">${said}</span>
  </button>`;
}

function ScopeLine({ steps, label, now, axis, onFold }) {
  const begins = steps.map((step) => Date.parse(step.started_at || "")).filter(Boolean);
  const ends = steps.map((step) => Date.parse(step.finished_at || "") || (step.started_at ? now : 0));
  const failed = steps.some((step) => step.status === "failed");
  const state = failed ? "failed" : steps.some((step) => step.status === "running") ? "running" : "done";
  return html`<button type="button" class="fall-line" onClick=${onFold}>
    <span class="mark fall-name" data-state=${state}>${label}</span>
    <span class="fall-axis"
      >${begins.length > 0 && html`<span class="fall-bar" data-state=${state} style=${axis(Math.min(...begins), Math.max(...ends))}></span>`}</span
    >
    <span class="fall-said number">${begins.length ? duration(Math.max(...ends) - Math.min(...begins)) : ""}</span>
  </button>`;
}
